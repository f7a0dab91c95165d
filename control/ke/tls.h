// TLS as NTS-KE requires it: only version 1.3, ALPN ntske/1, keys from the exporter, no session
// resumption. RFC 8915, sections 3 and 4.3.
//
// The main thread makes a struct tls and may give it other certificates later; every loop makes
// sessions from it. A session belongs to one connection.
#pragma once

#include "control/ke/tls_names.h"
#include "control/ke/tls_pair.h"
#include "control/ke/tls_wire.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls;

// With n pairs; wrong dates and missing names (NULL: none are known) cause only warnings. 0 or
// -errno; the fault has been logged with the file's name.
int tls_open(const struct tls_pair *pairs, size_t n, const struct tls_names *names,
             struct tls **tls);

// Checks other pairs, their dates and names too, and makes a context of all of them; the sessions
// do not have it yet. Main thread. 0 or -errno, logged in the same way. The caller owns the
// context, until tls_replace or SSL_CTX_free.
int tls_prepare(const struct tls_pair *pairs, size_t n, const struct tls_names *names,
                SSL_CTX **context);

// Serves a prepared context from the next session on, and owns it. Open sessions keep their
// certificates. Main thread.
void tls_replace(struct tls *tls, SSL_CTX *context);

// Open sessions keep what they need.
void tls_close(struct tls *tls);

// A session in the server's role over wire, which must outlive it; freed with SSL_free. NULL: out
// of memory.
SSL *tls_session(struct tls *tls, struct tls_wire *wire);

// Has the finished handshake agreed on ntske/1? A client that offers no ALPN at all completes the
// handshake, because OpenSSL then does not call the ALPN callback.
bool tls_speaks_ntske(const SSL *session);

// Writes C2S | S2C, key_len octets each, for a next protocol and an AEAD. False: no keys, and keys
// contains nothing secret.
bool tls_export(SSL *session, uint16_t protocol, uint16_t aead, size_t key_len, uint8_t *keys);
