// One certificate chain with its key, read from descriptors that the supervisor has opened, and
// examined: what is wrong is logged with the file's name.
//
// Holds a private key: the text that it was read from is wiped. Main thread.
#pragma once

#include "control/ke/tls_chain.h"

#include <openssl/ssl.h>

// Where a pair lies. Names are for messages; descriptors stay the caller's, and may have been read
// before.
struct tls_pair {
    const char *chain;
    const char *key;
    int chain_fd;
    int key_fd;
};

// Puts the pair into context. A context holds one pair of each kind of key. 0 or -errno, logged.
int tls_pair_use(const struct tls_pair *pair, enum tls_dates dates, SSL_CTX *context);
