// Which of several certificates a client gets: by the name that it asks for (RFC 6066, section 3),
// and then by the signatures that it takes, the cheapest for the server first: ECDSA, Ed25519, RSA.
//
// Certificates for the same names are in one context, where OpenSSL chooses by signatures. Each
// other set of names has a context of its own. With one context nothing is done for a session.
// Main thread; the choice itself in any.
#pragma once

#include "control/ke/tls_pair.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

// Makes a context without certificates; NULL, logged, on failure.
typedef SSL_CTX *tls_choice_context(void);

// Puts these pairs into a context without certificates; the first of them serves who names nobody,
// or nobody that is known. It owns the contexts for other names. The pairs stay the caller's.
// False, logged, when one pair could never be chosen, or on another failure.
bool tls_choice_put(SSL_CTX *context, const struct tls_read *pairs, size_t n,
                    tls_choice_context *make);
