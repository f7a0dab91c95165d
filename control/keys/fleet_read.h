// Reads and writes the files of a fleet's document: one attempt each. Any thread; waits for the
// disk. Contains key material in memory from secret.h.
#pragma once

#include "fleet/document.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

// How a file looks without being read.
struct fleet_look {
    int err; // 0 or -errno
    uint64_t device, inode;
    int64_t size;
    struct timespec changed, modified;
};

void fleet_look(const char *path, struct fleet_look *look);
bool fleet_look_equal(const struct fleet_look *a, const struct fleet_look *b);

// Reads the whole file through one descriptor, and judges it. root_too: it may belong to root,
// whose group may read it; else it must belong to this user alone. False with the reason in why.
bool fleet_read(const char *path, bool root_too, char text[FLEET_TEXT_MAX], size_t *len,
                struct fleet_document *document, char *why, size_t why_len);

// Writes the text to PATH.new, syncs it, renames it to PATH and syncs the directory. 0 or -errno.
int fleet_write(const char *path, const char *text, size_t len);
