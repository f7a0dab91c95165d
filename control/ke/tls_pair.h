// One certificate chain with its key, read from descriptors that the supervisor has opened, and
// checked: faults are logged with the file's name.
//
// Handles a private key: the text that it was read from is wiped. Main thread.
#pragma once

#include "board/board.h"
#include "control/ke/tls_chain.h"

#include <openssl/ssl.h>
#include <stdint.h>

// The place of a pair. Names are for messages; the caller owns the descriptors, which may have been
// read before.
struct tls_pair {
    const char *chain;
    const char *key;
    int chain_fd;
    int key_fd;
    struct board_certificate *shown; // NULL, or filled in, but for `chain`
};

// Puts the pair into context. A context holds one pair of each kind of key. 0 or -errno, logged.
int tls_pair_use(const struct tls_pair *pair, enum tls_dates dates, SSL_CTX *context);
