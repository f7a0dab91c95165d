// The TLS 1.3 settings of an NTS-KE client: what it offers and which certificates it trusts. No
// session is resumed. RFC 8915, sections 3 and 4. One per thread, because threads would contend for
// OpenSSL's reference counts.
#pragma once

#include "perf/ke/ke_target.h"

#include <openssl/ssl.h>

// The settings for a target's sessions; freed with SSL_CTX_free. 0 or -errno with one line in why.
int ke_trust_open(const struct ke_target *target, SSL_CTX **context, char why[256]);

// A session over fd, which remains the caller's. NULL: out of memory.
SSL *ke_trust_session(SSL_CTX *context, const struct ke_target *target, int fd);

// Whether the server has accepted ntske/1. To be called after the handshake.
bool ke_trust_agreed(const SSL *session);
