// The cookie keys as control shows them to the cores: one current, one future (published before its
// first use), and retained old ones; RFC 8915, section 6. Control writes; every core reads.
//
// Holds key material: the board's memfd is mlocked and kept out of dumps; copies are wiped.
#pragma once

#include "base/bounds.h"
#include "board/snapshot.h"
#include "crypto/cookie_key.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEYRING_KEYS = COOKIE_KEYS_MAX };

// One key as it is published. Ids are random, unique with the lowest bit ignored.
struct keyring_entry {
    uint32_t id;
    uint8_t foreign_ad; // 1: imported from a server whose cookies have no associated data
    uint8_t spare[3];
    uint8_t secret[COOKIE_KEY_LEN];
};

// What is published: one key at least. A record without a key would silence NTS as a whole, so that
// readers refuse it.
struct keyring_record {
    uint32_t n;
    uint32_t current; // index of the key that seals new cookies
    struct keyring_entry entry[KEYRING_KEYS];
};
static_assert(sizeof(struct keyring_record) <= 8 * SNAPSHOT_WORDS_MAX, "fits a snapshot");
static_assert(sizeof(struct keyring_record) % 8 == 0, "is made of whole words");

// A core's own copy, ready for use. id[] is compared as a whole; unused slots are never matched.
struct keyring_view {
    uint64_t seen;    // sequence of the copy; 0: no keys yet
    uint64_t refused; // publications that were out of range
    uint32_t n;
    uint32_t current;
    uint32_t id[KEYRING_KEYS];
    struct cookie_key key[KEYRING_KEYS];
};

void keyring_publish(struct snapshot *ring, const struct keyring_record *record);

// Is every field of the record within its range, and is each id there once, its lowest bit ignored?
bool keyring_is_sound(const struct keyring_record *record);

// Brings the view up to date: one load unless control has published. Keys that are gone are wiped
// from the view. A record that is not sound is kept out and counted, and the keys in hand stay.
// True when the view changed.
bool keyring_refresh(const struct snapshot *ring, struct keyring_view *view);

// The key of that id, or NULL.
static inline const struct cookie_key *keyring_find(const struct keyring_view *view, uint32_t id)
{
    // Nearly all cookies are younger than a rotation.
    if (view->n > 0 && view->id[view->current] == id)
        return &view->key[view->current];
    // Every slot is compared and the first equal one counts, without a branch that could be guessed
    // wrong; any id is legal, 0 too, so that what the slots beyond n hold may be equal as well.
    unsigned found = KEYRING_KEYS;
#pragma GCC unroll 8
    for (unsigned i = KEYRING_KEYS; i-- > 0;)
        found = view->id[i] == id ? i : found;
    return found < view->n ? &view->key[found] : NULL;
}

void keyring_view_wipe(struct keyring_view *view);
