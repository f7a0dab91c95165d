// Copies of the files of `control.certificates`, each in a memfd: what a start or a reload has
// checked is what every later ke gets, whatever becomes of the files meanwhile, and no start reads
// a file that may stall.
//
// Holds private keys: each copy is mapped, so that it can be locked and, in the end, wiped.
// Failures are logged here. Single-threaded.
#pragma once

#include "config/config.h"

#include <stdbool.h>

enum {
    CERTIFICATE_FILES_MAX = 2 * CONFIG_CERTIFICATES_MAX,
    CERTIFICATE_LEN_MAX = 256 * 1024, // octets of one file
};

struct certificate_file {
    int fd;
    char *at; // NULL when the file is empty
    size_t len;
};

// All zero: none.
struct certificates {
    uint32_t n; // files: chain, then key of each pair, in the order of the configuration
    struct certificate_file file[CERTIFICATE_FILES_MAX];
};

// Opens and copies the files of a configuration, which may take as long as their disk. 0 or -errno,
// with nothing left behind.
int certificates_read(const struct config *config, struct certificates *made);

// Takes over copies that another process has made by certificates_read. 0 or -errno, with all
// closed.
int certificates_take(const int *fd, uint32_t n, struct certificates *made);

// Are all files the same, octet by octet?
bool certificates_equal(const struct certificates *a, const struct certificates *b);

// Wipes and closes all; then there are none.
void certificates_close(struct certificates *c);
