// How long to wait before a child that died is started again. A child that ends before it ever
// served does not come here: it ends the whole with its message. Pure; single-threaded.
#pragma once

#include <stdint.h>

enum {
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MOST_MS = 5000,
    BACKOFF_FORGIVEN_MS = 60000, // a life this long wipes the slate
};

struct backoff {
    uint32_t deaths; // in a row, none of them after a long life
};

// Counts one death after alive_ms of life and returns the wait: nothing the first time, then
// BACKOFF_FIRST_MS, doubled each time up to BACKOFF_MOST_MS.
uint32_t backoff_died(struct backoff *b, uint64_t alive_ms);
