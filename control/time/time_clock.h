// The clocks that the time source reads, as functions, so that tests can replace them with
// simulated ones. Only time_source.c and its test include this.
#pragma once

#include "board/snapshot.h"
#include "config/config.h"
#include "control/time/leap_list.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/timex.h>

struct time_source;

struct time_clock {
    void *self;
    uint64_t (*tsc)(void *self);
    int64_t (*utc_ns)(void *self);                // CLOCK_REALTIME since 1970
    int (*kernel)(void *self, struct timex *now); // adjtimex that changes nothing
    // leap_file_take; NULL: no port smears.
    bool (*leaps)(void *self, struct leap_list *list);
};

// time_source_open with other clocks than this machine's. *clock is copied.
int time_source_open_with(const struct config *config, const struct time_clock *clock, int fd,
                          struct snapshot *state, struct time_source **source);
