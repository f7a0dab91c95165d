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

// What was read from a pair: the key, and at least one certificate, the server's own first.
struct tls_read {
    const char *name; // of the chain, for messages; not owned
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
};

// Reads a pair and judges it. 0, and the caller owns *read, or -errno, logged, with *read
// unchanged.
int tls_pair_read(const struct tls_pair *pair, enum tls_dates dates, struct tls_read *read);

// Puts it into a context, which holds one of each type of key and takes references of its own. 0 or
// -errno, logged.
int tls_read_put(const struct tls_read *read, SSL_CTX *context);

// All zero is nothing.
void tls_read_free(struct tls_read *read);
