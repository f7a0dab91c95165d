// The cookie keys in control: from the file to the board, and from one rotation to the next. RFC
// 8915, section 6; checklist CK-5 to CK-7.
//
//   future   newly made: written to the file, then published, one whole rotation before its use
//   current  seals every new cookie, on the cores and in NTS-KE
//   old      opens cookies for `keep` rotations more, then it is wiped everywhere
//
// rotation.h decides when that happens, and what changes when the disk fails; store.h makes a set
// durable.
//
// All calls belong to control's main loop. The threads of ke read keys from the board, each with a
// keyring_view of its own, as the cores do. Contains key material in memory from secret.h.
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
    uint64_t age_s;   // age of the key
};

// Reads the keys from the file, or makes new keys and the file. Faults of the file are logged; at
// worst new keys are made. -errno when there are no keys and new ones cannot be made durable:
// clients would then get cookies that the next start cannot open.
int keys_open(const struct config *config, struct keys **keys);

// Publishes the keys for the cores and ke.
void keys_publish(const struct keys *keys, struct snapshot *ring);

// Does what is due at now_ns (CLOCK_MONOTONIC), never waits, and returns when to call it again.
uint64_t keys_turn(struct keys *keys, struct snapshot *ring, uint64_t now_ns);

// Fills in one line for each key, current and future first; returns the number of lines.
size_t keys_describe(const struct keys *keys, uint64_t now_ns, struct keys_line out[KEYS_LINES]);

// True while the last attempt to make or write keys has failed.
bool keys_failing(const struct keys *keys);

// Waits for a write under way, stores the ages, wipes and frees. keys may be NULL.
void keys_close(struct keys *keys);
