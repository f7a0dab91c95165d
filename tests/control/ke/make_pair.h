// Certificates for tests, made anew in memory each time: no key lies in the tree. A root signs an
// intermediate, which signs leaves for ke.test, 127.0.0.1 and ::1.
#pragma once

#include "control/ke/tls_pair.h"

#include <openssl/x509.h>

enum made_key { MADE_P256, MADE_P384, MADE_RSA, MADE_ED25519 };

struct authority {
    X509 *root;
    X509 *intermediate;
    EVP_PKEY *key; // of both
};

struct authority authority_make(void);
void authority_free(struct authority *authority);

// What the certificate's dates are, seconds from now.
struct made_dates {
    long from_s, to_s;
};
extern const struct made_dates dates_good;

// A certificate for key. issuer NULL: signs itself. An authority's when it signs itself or its name
// says so.
X509 *certify(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
              struct made_dates dates);

// The same for other names than those above: subjectAltName as openssl.cnf has it.
X509 *certify_for(const char *alt_names, const char *name, EVP_PKEY *key, X509 *issuer,
                  EVP_PKEY *issuer_key, struct made_dates dates);

// A pair of that key and of certificates in that order.
struct tls_pair pair_of(X509 *const *certificates, int n, EVP_PKEY *key);

// A pair in memory files, as the supervisor would hand it over.
struct tls_pair pair_make(const struct authority *authority, enum made_key kind,
                          struct made_dates dates);
struct tls_pair pair_make_for(const struct authority *authority, enum made_key kind,
                              const char *alt_names, const char *subject);
void pair_close(struct tls_pair *pair);

// A memory file of that text.
int text_file(const char *text, size_t len);
