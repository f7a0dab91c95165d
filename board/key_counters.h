// How many cookies each key has opened and sealed. A key keeps its row for as long as it is in the
// set, whatever its place there; then a new key takes the row. A page is written by one thread;
// that of ke by its threads in turn. Control reads. Names and help: board/metrics.h.
#pragma once

#include "base/bounds.h"

#include <stdatomic.h>
#include <stdint.h>

struct key_counter {
    _Atomic uint64_t key; // KEY_COUNTED with the key's id; 0: the row is free
    _Atomic uint64_t opened;
    _Atomic uint64_t sealed;
};

#define KEY_COUNTED (UINT64_C(1) << 32)

struct key_counters {
    _Alignas(64) struct key_counter row[COOKIE_KEYS_MAX];
};

struct key_count {
    uint64_t opened;
    uint64_t sealed;
};

// The keys in use are these n, at most COOKIE_KEYS_MAX: frees the rows of others, gives each a row,
// and writes the row's number of id[i] to row[i]. One thread at a time.
void key_counters_follow(struct key_counters *counters, const uint32_t *id, uint32_t n,
                         uint8_t *row);

// Adds what a page has counted of that key. Any thread.
void key_counters_read(const struct key_counters *counters, uint32_t id, struct key_count *sum);
