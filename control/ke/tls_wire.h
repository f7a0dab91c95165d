// The socket under a TLS session, as OpenSSL sees it: a BIO that also keeps a budget of what a
// client may send in all, and refuses a ClientHello that claims too much and a third KeyUpdate.
// All three look to OpenSSL as if no more octets had come, so that the session stays fit to write
// an answer; the connection asks tls_wire_spent after each step.
//
// It reads ahead: OpenSSL asks for a record's header and body apart, the system is asked once.
//
// Belongs to one connection.
#pragma once

#include "control/ke/client_hello.h"

#include <openssl/bio.h>
#include <stdbool.h>
#include <stdint.h>

// A request of KE_REQUEST_MAX octets, each in a TLS record of its own, and the handshake. What goes
// beyond is a flood of empty records or key updates.
enum {
    TLS_WIRE_BUDGET = 128 * 1024,
    TLS_WIRE_AHEAD = 512, // a ClientHello without a post-quantum share, or Finished and a request
    TLS_WIRE_KEY_UPDATES = 2, // RFC 8446, section 4.6.3: for long sessions; one request needs none
};

struct tls_wire {
    int fd; // not owned
    uint32_t received;
    bool ended;   // the peer has sent its FIN
    bool refused; // the peer's ClientHello claims too much
    bool empty;   // the socket had no more; the connection clears it when epoll reports the socket
    bool sent;    // set by each send, cleared by the connection
    bool corked;  // what is sent waits for the FIN, which the connection sends soon
    uint8_t key_updates;
    struct client_hello hello;
    uint16_t at, len; // what OpenSSL has not read of `ahead` is [at, len)
    uint8_t ahead[TLS_WIRE_AHEAD];
};

// True once the peer has sent more than it may.
static inline bool tls_wire_spent(const struct tls_wire *wire)
{
    return wire->refused || wire->received >= TLS_WIRE_BUDGET ||
           wire->key_updates > TLS_WIRE_KEY_UPDATES;
}

// The method is made once in a process and given to each BIO. NULL: out of memory.
BIO_METHOD *tls_wire_method(void);

// A BIO over wire, which must outlive it. NULL: out of memory.
BIO *tls_wire_bio(const BIO_METHOD *method, struct tls_wire *wire);
