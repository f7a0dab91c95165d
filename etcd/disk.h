// Files: the fleet's secret, a password, and the document that control reads. Any thread. Contains
// key material: what is read goes to memory of secret.h.
#pragma once

#include "etcd/seal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { DISK_PASSWORD_MAX = 256, DISK_WHY_MAX = 5000 };

// Each returns false with a line for people in why: "PATH: what is wrong; what to do".
//
// The secret under which the document is sealed: 64 hexadecimal digits and the end of a line. The
// file must belong to root, to `owner` or to this process's user; others must have no rights, and
// the group may at most read.
bool disk_read_seal(const char *path, uid_t owner, uint8_t secret[SEAL_KEY_LEN],
                    char why[DISK_WHY_MAX]);
// The first line of a file with the same rules.
bool disk_read_password(const char *path, uid_t owner, char password[DISK_PASSWORD_MAX],
                        char why[DISK_WHY_MAX]);

// The octets of a file, at most room. *len is 0 where there is none.
bool disk_read_document(const char *path, char *text, size_t room, size_t *len,
                        char why[DISK_WHY_MAX]);

// Puts the text in the place of the file, whole or not at all, and durably: a new file of mode 0600
// beside it, fsync, rename, fsync of the directory.
bool disk_write_document(const char *path, const char *text, size_t len, char why[DISK_WHY_MAX]);
