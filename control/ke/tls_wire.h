// The socket under a TLS session, as OpenSSL sees it: a BIO that also keeps a budget of what a
// client may send in all, and refuses a ClientHello that claims too much. Both look to OpenSSL as
// if no more octets had come, so that the session stays fit to write an answer; the connection
// asks tls_wire_spent after each step.
//
// Belongs to one connection.
#pragma once

#include "control/ke/client_hello.h"

#include <openssl/bio.h>
#include <stdbool.h>
#include <stdint.h>

// A request of KE_REQUEST_MAX octets, each in a TLS record of its own, and the handshake. What goes
// beyond is a flood of empty records or key updates.
enum { TLS_WIRE_BUDGET = 128 * 1024 };

struct tls_wire {
    int fd; // not owned
    uint32_t received;
    bool ended; // the peer has sent its FIN
    bool refused;
    struct client_hello hello;
};

// True once the peer has sent more than it may.
static inline bool tls_wire_spent(const struct tls_wire *wire)
{
    return wire->refused || wire->received >= TLS_WIRE_BUDGET;
}

// The method is made once a process and given to each BIO. NULL: out of memory.
BIO_METHOD *tls_wire_method(void);

// A BIO over wire, which must outlive it. NULL: out of memory.
BIO *tls_wire_bio(const BIO_METHOD *method, struct tls_wire *wire);
