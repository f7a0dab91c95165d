// The wait before a child that died is restarted. A child that ends before it ever served is not
// restarted: noonmarkd then ends with that child's message. Pure; single-threaded.
#pragma once

#include <stdint.h>

enum {
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MOST_MS = 5000,
    BACKOFF_FORGIVEN_MS = 60000, // after a life this long the earlier deaths do not count
};

struct backoff {
    uint32_t deaths; // deaths in a row, none of them after a long life
};

// Counts one death after alive_ms of life and returns the wait: 0 the first time, then
// BACKOFF_FIRST_MS, doubled each time up to BACKOFF_MOST_MS.
uint32_t backoff_died(struct backoff *b, uint64_t alive_ms);
