// The cookie keys in control's hands: from the file to the board, and from one rotation to the
// next. RFC 8915, section 6; checklist CK-5 to CK-7.
//
//   born     as the future key: written to the file, then published, one whole rotation before use
//   current  seals every new cookie, on the cores and in NTS-KE
//   old      opens cookies for `keep` rotations more, then it is wiped everywhere
//
// When that happens, and what a failing disk changes, is rotation.h's to say; store.h makes a set
// durable.
//
// All calls belong to control's main loop. The threads of ke take keys from the board, each with a
// keyring_view of its own, as the cores do. Holds key material in memory from secret.h.
#pragma once

#include "base/bounds.h"
#include "board/snapshot.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keys;

enum { KEYS_LINES = COOKIE_KEYS_MAX };

struct keys_line {
    uint32_t id;
    const char *role; // "current", "future" or "old"
    uint64_t age_s;   // since it was made
};

// Takes the keys from the file, or makes new ones and the file. Anything wrong with the file is
// logged and costs at worst new keys. -errno when there are no keys and new ones cannot be
// made durable: to start like that would be to promise cookies that the next start does not know.
int keys_open(const struct config *config, struct keys **keys);

// Shows the keys to the cores.
void keys_publish(const struct keys *keys, struct snapshot *ring);

// Does what is due at now_ns (CLOCK_MONOTONIC), never waits, and returns when to call again.
uint64_t keys_turn(struct keys *keys, struct snapshot *ring, uint64_t now_ns);

// Fills in a line a key, current and future first; returns how many.
size_t keys_describe(const struct keys *keys, uint64_t now_ns, struct keys_line out[KEYS_LINES]);

// True while the last attempt to write the file has failed.
bool keys_failing(const struct keys *keys);

// Waits for a write under way, stores the ages, wipes and frees. keys may be NULL.
void keys_close(struct keys *keys);
