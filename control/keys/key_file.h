// The key file: the set of cookie keys on disk, so that a restart can open every cookie (checklist
// CK-7). Two files: FILE, and FILE.1 with the previous contents of FILE.
//
// One fixed size, so that an incomplete file is noticed at once; big endian; binary, so that
// printing the file shows no readable keys (`noonmarkctl status` shows ids and ages):
//
//      0  magic       16   "noonmark keys", padded with zeros
//     16  version      4   1
//     20  n            4   keys in use, 2 to 8
//     24  generation   8   rises by one with each rotation
//     32  boot id     16   of the boot in which it was written
//     48  written      8   CLOCK_MONOTONIC then, in ns
//     56  zero         8
//     64  keys     8 * 48  current, future, old ones newest first; unused ones are zero:
//                          id 4 | foreign_ad 1 | zero 3 | age then in ns 8 | secret 32
//    448  SHA-256     32   of all before
//
// A writer writes the new set to FILE.new, syncs it, links FILE to FILE.1, renames FILE.new to FILE
// and syncs the directory: at every moment FILE is a complete old or a complete new set. The
// directory belongs to control's user alone (the supervisor makes it, 0700). One writer at a time.
#pragma once

#include "base/bounds.h"
#include "control/keys/key_set.h"

#include <stdint.h>

enum {
    KEY_FILE_LEN = 480,
    KEY_FILE_PATH_MAX = KEY_PATH_MAX + 1, // with its NUL
};

// A time that a later process can compare with its own: monotonic time has a meaning only within
// one boot.
struct key_file_moment {
    uint8_t boot[16];
    int64_t now_ns;
};

// Reads the current moment. 0 or -errno.
int key_file_moment_now(struct key_file_moment *moment);

// The result of reading.
enum key_file_found {
    KEY_FILE_GOOD,     // FILE
    KEY_FILE_PREVIOUS, // FILE is missing, bad or older than FILE.1, which was used; logged
    KEY_FILE_NONE,     // neither exists: a first start
    KEY_FILE_BAD,      // all existing files were refused; logged
};

// Reads the newest good set. Refused are files that are not plain files of this user without rights
// for others, incomplete or changed files, and files of another version. On the same boot, ages
// grow by the time since the file was written; after a reboot they continue from the stored ages,
// because nobody knows how long the machine was off. *set is undefined unless a set was found.
enum key_file_found key_file_read(const char *path, const struct key_file_moment *moment,
                                  struct key_set *set);

// Renames a refused FILE to FILE.refused, so that the next write does not destroy a file that a
// person may still repair. Does nothing when there is none.
void key_file_set_aside(const char *path);

// Makes the set durable. 0 or -errno; after an error FILE is the complete old or the complete new
// set.
int key_file_write(const char *path, const struct key_file_moment *moment,
                   const struct key_set *set);

// The same for a set that lacks revoked keys: no earlier set stays beside it, since a later start
// that cannot read FILE would take the revoked keys from there. FILE.1 becomes the same set, and
// FILE.refused is removed. While this runs, FILE is at every moment a complete old or a complete
// new set. After an error FILE.1 may be missing.
int key_file_replace(const char *path, const struct key_file_moment *moment,
                     const struct key_set *set);
