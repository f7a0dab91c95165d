// TLS as NTS-KE wants it: 1.3 alone, ALPN ntske/1, keys from the exporter, nothing remembered from
// one connection to the next. RFC 8915, sections 3 and 4.3.
//
// A struct tls is made by the main thread, which may give it other certificates later; every loop
// makes sessions from it. A session belongs to one connection.
#pragma once

#include "control/ke/tls_pair.h"
#include "control/ke/tls_wire.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls;

// With n pairs; their dates only warn. 0 or -errno; what is wrong has been logged with the file's
// name.
int tls_open(const struct tls_pair *pairs, size_t n, struct tls **tls);

// Examines other pairs, their dates, too, and serves them from the next session on: all of them, or
// none. Sessions that are open keep what they have. Main thread. 0 or -errno, logged likewise.
int tls_replace(struct tls *tls, const struct tls_pair *pairs, size_t n);

// Sessions that are still open keep what they need.
void tls_close(struct tls *tls);

// A session in the server's role over wire, which must outlive it; SSL_free ends it. NULL: out of
// memory.
SSL *tls_session(struct tls *tls, struct tls_wire *wire);

// Has the finished handshake agreed on ntske/1? A client that offers no ALPN at all completes the
// handshake, for OpenSSL then asks nobody.
bool tls_speaks_ntske(const SSL *session);

// Writes C2S | S2C, key_len octets each, for a next protocol and an AEAD. False: no keys, and
// nothing secret is left in keys.
bool tls_export(SSL *session, uint16_t protocol, uint16_t aead, size_t key_len, uint8_t *keys);
