// The key file: the set of cookie keys as it lies on disk, so that a restart knows every cookie
// (checklist CK-7). Two files: FILE, and FILE.1 with what FILE held before.
//
// One fixed size, so that a torn file shows at once; big endian; no text, so that nobody shows keys
// by showing the file (`noonmarkctl status` shows ids and ages):
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
// A writer puts the new set aside (FILE.new), syncs it, links FILE to FILE.1, renames FILE.new to
// FILE and syncs the directory: whatever happens in between, FILE is a whole old or a whole new
// set. The directory is control's own (the supervisor makes it, 0700). One writer at a time.
#pragma once

#include "base/bounds.h"
#include "control/keys/key_set.h"

#include <stdint.h>

enum {
    KEY_FILE_LEN = 480,
    KEY_FILE_PATH_MAX = KEY_PATH_MAX + 1, // its NUL included
};

// A moment that a later process can compare with its own: monotonic time means something within
// one boot only.
struct key_file_moment {
    uint8_t boot[16];
    int64_t now_ns;
};

// This moment. 0 or -errno.
int key_file_moment_now(struct key_file_moment *moment);

// What a read found.
enum key_file_found {
    KEY_FILE_GOOD,     // FILE
    KEY_FILE_PREVIOUS, // FILE is missing, bad or older than FILE.1, which was taken; this was
                       // logged
    KEY_FILE_NONE,     // neither exists: a first start
    KEY_FILE_BAD,      // what there is was refused; this was logged
};

// Reads the newest good set. Refused is what is not a plain file of our own with no right for
// others, what was cut or changed, and what another version wrote. Ages go on from what was stored:
// by the time between on the same boot, from there on another, where nobody knows how long the
// machine was off. *set is undefined unless one was found.
enum key_file_found key_file_read(const char *path, const struct key_file_moment *moment,
                                  struct key_set *set);

// Renames a refused FILE to FILE.refused, so that the next write does not destroy what a person may
// still repair. Nothing happens when there is none.
void key_file_set_aside(const char *path);

// Makes the set durable. 0 or -errno; after an error FILE holds the old or the new set, whole.
int key_file_write(const char *path, const struct key_file_moment *moment,
                   const struct key_set *set);
