// Copies of the files of `control.certificates` and `control.pool.tokens`, each in a memfd. Every
// later ke gets the copies that a start or a reload has checked, even if the files change, and no
// restart reads a file that may stall.
//
// Contains private keys: each copy is mapped, so that it can be locked and finally wiped. Failures
// are logged here. Single-threaded.
#pragma once

#include "config/config.h"

#include <stdbool.h>

enum {
    CERTIFICATE_FILES_MAX = CONFIG_SECRET_FILES_MAX,
    CERTIFICATE_LEN_MAX = 256 * 1024, // octets of one file
};

struct certificate_file {
    int fd;
    char *at; // NULL when the file is empty
    size_t len;
};

// All zero: no files.
struct certificates {
    uint32_t
        n; // files: chain, then key of each pair, in the order of the configuration; the tokens
    struct certificate_file file[CERTIFICATE_FILES_MAX];
};

// Opens and copies the files of a configuration, which may block as long as their disk does. 0 or
// -errno, with nothing left behind.
int certificates_read(const struct config *config, struct certificates *made);

// Takes over copies that another process has made with certificates_read. 0 or -errno, with all
// descriptors closed.
int certificates_take(const int *fd, uint32_t n, struct certificates *made);

// Are all files the same, octet by octet?
bool certificates_equal(const struct certificates *a, const struct certificates *b);

// Wipes and closes all; then it is empty.
void certificates_close(struct certificates *c);
