// The cookie keys that control publishes for the cores and ke: one current, one future (published
// before its first use), and retained old ones; RFC 8915, section 6. Control writes; every core and
// every thread of ke reads.
//
// Contains key material: the board's memfd is locked and kept out of core dumps; copies are wiped.
#pragma once

#include "base/bounds.h"
#include "board/snapshot.h"
#include "crypto/cookie_key.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEYRING_KEYS = COOKIE_KEYS_MAX };

// One key as it is published. Ids are random, and unique even without their lowest bit.
struct keyring_entry {
    uint32_t id;
    uint8_t foreign_ad; // 1: imported from a server whose cookies have no associated data
    uint8_t spare[3];
    uint8_t secret[COOKIE_KEY_LEN];
};

// What is published: at least one key. A record without a key would stop all NTS replies, so
// readers refuse it.
struct keyring_record {
    uint32_t n;
    uint32_t current; // index of the key that seals new cookies
    struct keyring_entry entry[KEYRING_KEYS];
};
static_assert(sizeof(struct keyring_record) <= 8 * SNAPSHOT_WORDS_MAX, "fits a snapshot");
static_assert(sizeof(struct keyring_record) % 8 == 0, "is made of whole words");

// A reader's own copy, ready for use. keyring_find compares all of id[]; a match in an unused slot
// does not count.
struct keyring_view {
    uint64_t seen;    // sequence of the copy; 0: no keys yet
    uint64_t refused; // publications that were out of range
    uint32_t n;
    uint32_t current;
    uint32_t id[KEYRING_KEYS];
    struct cookie_key key[KEYRING_KEYS];
};

void keyring_publish(struct snapshot *ring, const struct keyring_record *record);

// Is every field of the record in its range, and is each id unique without its lowest bit?
bool keyring_is_sound(const struct keyring_record *record);

// Brings the view up to date: one load if control has not published. Removed keys are wiped from
// the view. A record that is not sound is refused and counted, and the view keeps its keys. True
// when the view changed.
bool keyring_refresh(const struct snapshot *ring, struct keyring_view *view);

// The key with that id, or NULL.
static inline const struct cookie_key *keyring_find(const struct keyring_view *view, uint32_t id)
{
    // Nearly all cookies are sealed with the current key.
    if (view->n > 0 && view->id[view->current] == id)
        return &view->key[view->current];
    // All slots are compared and the first match counts, without a branch that could be
    // mispredicted. Any id is legal, also 0, so an unused slot beyond n may match as well.
    unsigned found = KEYRING_KEYS;
#pragma GCC unroll 8
    for (unsigned i = KEYRING_KEYS; i-- > 0;)
        found = view->id[i] == id ? i : found;
    return found < view->n ? &view->key[found] : NULL;
}

void keyring_view_wipe(struct keyring_view *view);
