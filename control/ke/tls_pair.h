// One certificate chain with its key, read from descriptors that the supervisor has opened, and
// checked: faults are logged with the file's name.
//
// Handles a private key: the text that it was read from is wiped. Main thread.
#pragma once

#include <openssl/ssl.h>

// The place of a pair. Names are for messages; the caller owns the descriptors, which may have been
// read before.
struct tls_pair {
    const char *chain;
    const char *key;
    int chain_fd;
    int key_fd;
};

// What to do with a certificate that has expired or is not yet valid.
enum tls_dates {
    // Log it in capitals and use it: a time server may start while its own clock is wrong, and its
    // clients check the dates anyway.
    TLS_DATES_WARN,
    // Refuse it: at a reload the older certificate keeps serving.
    TLS_DATES_REFUSE,
};

// Adds the pair to context. A context has at most one pair for each type of key. 0 or -errno,
// logged.
int tls_pair_use(const struct tls_pair *pair, enum tls_dates dates, SSL_CTX *context);
