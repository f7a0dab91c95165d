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
    const struct stamp_line line = stamp_line_of(&clock->fit);
    snapshot_publish(clock->board, &line, sizeof line);
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
