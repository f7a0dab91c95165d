// The file in which chronyd keeps the keys of its cookies, `ntskeys` in its ntsdumpdir: lines of
// text.
//
//   NKS0 (chrony 4.0 to 4.4)   AEAD AGE       then   ID KEY         of each key
//   NKS1 (later)               AGE            then   ID KEY AEAD
//
// Ids and keys are hex, AGE is in seconds. The oldest key comes first, the last but one seals, the
// last one is the future key. A cookie of such a key of AEAD 15 has the form of ours, without
// associated data. Pure; contains key material, which the caller wipes. Any thread.
#pragma once

#include "base/bounds.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CHRONY_SECRET_LEN = 32,
    CHRONY_FILE_KEYS = 4,  // of a file that chronyd reads; it refuses any other number
    CHRONY_FILE_SEALS = 2, // the index of the one that seals
    CHRONY_TEXT_MAX = 512, // of a file with as many keys
};

struct chrony_key {
    uint32_t id;
    uint8_t secret[CHRONY_SECRET_LEN];
};

struct chrony_keys {
    uint32_t n; // keys that can be imported: the one that seals, then old ones, newest first
    uint32_t n_foreign; // others, of an AEAD whose cookies cannot be opened
    struct chrony_key key[COOKIE_KEYS_MAX];
};

struct chrony_fault {
    unsigned line;    // 1 and so on
    const char *what; // constant text: what is wrong there
};

// An id for the key of that index in a file: chronyd finds a key by the two lowest bits of its id,
// which follow one another in the file.
uint32_t chrony_keys_id(uint32_t id, size_t index);

// Makes the text of a file with the keys, oldest first, in the form NKS0, which all versions of
// chronyd since 4.0 read. Returns its length; no NUL ends it.
size_t chrony_keys_print(const struct chrony_key key[CHRONY_FILE_KEYS], char text[CHRONY_TEXT_MAX]);

// Reads the text of a file. False, with *fault filled in, when it has another form, or when the key
// that seals is none that can be imported.
bool chrony_keys_read(const char *text, size_t len, struct chrony_keys *keys,
                      struct chrony_fault *fault);
