// Ids of a fleet's keys that no server has at this time: of periods before and after the keyring's.
// A cookie with such an id comes from a server whose clock is wrong, or is too old; counters tell
// the two apart. Control writes; a core reads when it sends a NAK for an unknown key. No secret: an
// id is in clear in each cookie. Servers with keys of their own publish no hints.
#pragma once

#include <assert.h>
#include <stdint.h>

enum key_hint {
    KEY_HINT_EXPIRED, // of a key that was dropped already
    KEY_HINT_FUTURE,  // of one that is not published yet
    KEY_HINTS,
    KEY_HINT_NONE = KEY_HINTS, // of no key of the fleet that is near
};

enum { KEY_HINT_IDS = 8 }; // of each kind, at most

struct key_hints_record {
    uint32_t n[KEY_HINTS];
    uint32_t id[KEY_HINTS][KEY_HINT_IDS];
};
static_assert(sizeof(struct key_hints_record) % 8 == 0, "is made of whole words");

// What the id is. Counts that are out of range are taken for none.
static inline enum key_hint key_hints_find(const struct key_hints_record *record, uint32_t id)
{
    for (unsigned kind = 0; kind < KEY_HINTS; kind++)
        for (uint32_t i = 0; record->n[kind] <= KEY_HINT_IDS && i < record->n[kind]; i++)
            if (record->id[kind][i] == id)
                return (enum key_hint)kind;
    return KEY_HINT_NONE;
}
