// The socket under a TLS session: a BIO that also limits the octets that a client may send in
// total, and refuses a ClientHello that claims too much. In both cases OpenSSL sees it as if no
// more octets had arrived, so the session can still write an answer; the connection calls
// tls_wire_spent after each step.
//
// Belongs to one connection.
#pragma once

#include "control/ke/client_hello.h"

#include <openssl/bio.h>
#include <stdbool.h>
#include <stdint.h>

// Enough for a request of KE_REQUEST_MAX octets, each in a TLS record of its own, and the
// handshake. Anything beyond is a flood of empty records or key updates.
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

// The method is made once in a process and given to each BIO. NULL: out of memory.
BIO_METHOD *tls_wire_method(void);

// A BIO over wire, which must outlive it. NULL: out of memory.
BIO *tls_wire_bio(const BIO_METHOD *method, struct tls_wire *wire);
