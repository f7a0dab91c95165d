// A set of cookie keys as control keeps it: its keys, their order, and how the next set follows.
// RFC 8915, section 6; checklist CK-4 to CK-6.
//
// Time is CLOCK_MONOTONIC and is passed in as an argument; the only input from the system is random
// octets. Contains key material: a struct key_set must be in memory from secret.h. Any thread.
#pragma once

#include "base/bounds.h"
#include "board/keyring.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    KEY_SET_MAX = KEYRING_KEYS,
    KEY_SET_KEEP_MAX = OLD_KEYS_MAX, // in addition to the current and the future key
};

// Indexes in a set: key[KEY_CURRENT] seals new cookies, key[KEY_FUTURE] will do so after the next
// rotation, and from KEY_OLD on are the old keys, newest first.
enum { KEY_CURRENT, KEY_FUTURE, KEY_OLD };

struct key {
    uint32_t id;
    uint8_t foreign_ad; // 1: imported from a server whose cookies have no associated data
    uint8_t secret[COOKIE_KEY_LEN];
    int64_t made_ns; // monotonic; negative when the key is older than the boot
};

struct key_set {
    uint64_t generation; // one more after each rotation
    uint32_t n;          // 2 to KEY_SET_MAX
    struct key key[KEY_SET_MAX];
};

// Makes a new current and a new future key, generation 1. 0 or -errno.
int key_set_make(struct key_set *set, int64_t now_ns);

// Makes the set that follows `from`: the future key becomes current, the current one becomes old, a
// new future key is made, and only the newest `keep` old ones stay. Imported keys do not count:
// each stays for `keep` rotations as well, or less when there is no room beside our own. 0 or
// -errno, with *to undefined.
int key_set_rotate(const struct key_set *from, uint32_t keep, int64_t now_ns, struct key_set *to);

// Makes the set that follows `from` without a key: at once, and not a rotation later. When the
// current key goes, the future one takes its place; a future key that is missing then is made. 0 or
// -errno, with *to undefined; -ENOENT: no key has that id.
int key_set_revoke(const struct key_set *from, uint32_t id, int64_t now_ns, struct key_set *to);

// Makes a set that has no key of `from`: all of them are revoked. 0 or -errno, with *to undefined.
int key_set_revoke_all(const struct key_set *from, int64_t now_ns, struct key_set *to);

// Of keys with n ids, how many does the set lack, and has room for?
uint32_t key_set_news(const struct key_set *set, const uint32_t *id, uint32_t n);

// Makes a set with n imported keys, 1 or more, beside all keys of `from`. key[0] has sealed until
// now elsewhere: it becomes the newest old key or, with seal, the current one, which until then was
// not in the set; the others, newest first, stand behind our own old ones as far as there is room.
void key_set_import(const struct key_set *from, const struct key *key, uint32_t n, bool seal,
                    struct key_set *to);

// Is that the id of a key of the set?
bool key_set_has(const struct key_set *set, uint32_t id);

// Nanoseconds since the last rotation, which is when the future key was made.
int64_t key_set_age(const struct key_set *set, int64_t now_ns);

// Are there 2 to KEY_SET_MAX keys, with ids that differ even without their lowest bit?
bool key_set_sound(const struct key_set *set);

// Fills in the set's record for publication.
void key_set_record(const struct key_set *set, struct keyring_record *record);
