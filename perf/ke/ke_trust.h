// TLS 1.3 as a client of NTS-KE: what is offered, and whom it trusts. No session is resumed.
// RFC 8915, sections 3 and 4. One a thread, because OpenSSL's reference counts are contended.
#pragma once

#include "perf/ke/ke_target.h"

#include <openssl/ssl.h>

// The settings for a target's sessions; freed with SSL_CTX_free. 0 or -errno with one line in why.
int ke_trust_open(const struct ke_target *target, SSL_CTX **context, char why[256]);

// A session over fd, which stays the caller's. NULL: out of memory.
SSL *ke_trust_session(SSL_CTX *context, const struct ke_target *target, int fd);

// True when the server has agreed to speak NTS-KE. Once the handshake is done.
bool ke_trust_agreed(const SSL *session);
