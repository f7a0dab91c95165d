#include "dataplane/stamp_clock.h"

#include "base/now.h"
#include "base/ntp_time.h"
#include "base/time_namespace.h"
#include "base/tsc.h"
#include "board/stamp_line.h"

#include <stdbool.h>
#include <time.h>

enum { FIRST_GAP_US = 1000 }; // between the readings of the first line

static uint64_t read_tsc(void *self)
{
    (void)self;
    return tsc_now_ordered();
}

static int64_t read_clock(void *self)
{
    const struct stamp_clock *clock = self;
    return (int64_t)now_ns() - clock->offset_ns;
}

static void publish(const struct stamp_clock *clock)
{
    const struct time_line *line = &clock->fit.line;
    double ticks_per_ns = 1 / line->ns_per_tick;
    uint64_t hold = (uint64_t)(TIME_FIT_VOID_S * (double)NS_PER_S * ticks_per_ns);
    struct stamp_line out = {
        .stamp_base = (uint64_t)line->base_ns,
        .tsc_base = line->tsc_base - (uint64_t)(line->base_fraction * ticks_per_ns + 0.5),
        .rate = (uint64_t)(ticks_per_ns * (double)(UINT64_C(1) << STAMP_RATE_SHIFT) + 0.5),
        .until = line->tsc_base + hold,
        .bound_ns = time_fit_bound(&clock->fit) + 1, // the base is a whole tick
        // A stamp that the line puts too early breaks containment. So the bound counts a slew from
        // its first moment on.
        .growth_ppb = time_fit_growth_ppb(&clock->fit, true),
        .gates = clock->fit.n,
    };
    snapshot_publish(clock->board, &out, sizeof out);
}

void stamp_clock_turn(struct stamp_clock *clock)
{
    struct time_sample sample =
        time_sample_take(&(struct time_readers){.self = clock, .tsc = read_tsc, .ns = read_clock});
    switch (time_fit_add(&clock->fit, &sample)) {
    case TIME_FIT_GOOD:
        publish(clock);
        break;
    case TIME_FIT_STEPPED: {
        // The clock of the stamps never steps: the TSC did, for example when a virtual machine
        // moved. Without a line the frames count as unstamped, until there is a new line.
        const struct stamp_line none = {0};
        snapshot_publish(clock->board, &none, sizeof none);
        break;
    }
    case TIME_FIT_COLLECTING:
        break;
    }
}

void stamp_clock_open(struct stamp_clock *clock, struct snapshot *board)
{
    *clock = (struct stamp_clock){.board = board, .offset_ns = time_namespace_ns()};
    time_fit_init(&clock->fit);
    const struct timespec gap = {.tv_nsec = FIRST_GAP_US * 1000};
    for (unsigned i = 0; i < 2 * TIME_FIT_FRESH && !clock->fit.ready; i++) {
        stamp_clock_turn(clock);
        nanosleep(&gap, NULL);
    }
}
