// A fit as a record, and the readers' copies of it.
#include "board/stamp_line.h"

// Counters of real machines run at 50 MHz to 20 GHz.
#define RATE_MIN ((UINT64_C(1) << STAMP_RATE_SHIFT) / 20)
#define RATE_MAX (UINT64_C(20) << STAMP_RATE_SHIFT)

// A line with a larger bound or growth than these is not accepted.
#define BOUND_NS_MAX 1000000000
#define GROWTH_PPB_MAX 100000000

struct stamp_line stamp_line_of(const struct time_fit *fit)
{
    const struct time_line *line = &fit->line;
    double ticks_per_ns = 1 / line->ns_per_tick;
    uint64_t hold = (uint64_t)(TIME_FIT_VOID_S * (double)NS_PER_S * ticks_per_ns);
    return (struct stamp_line){
        .stamp_base = (uint64_t)line->base_ns,
        .tsc_base = line->tsc_base - (uint64_t)(line->base_fraction * ticks_per_ns + 0.5),
        .rate = (uint64_t)(ticks_per_ns * (double)(UINT64_C(1) << STAMP_RATE_SHIFT) + 0.5),
        .until = line->tsc_base + hold,
        .bound_ns = time_fit_bound(fit) + 1, // the base is a whole tick
        .growth_ppb = time_fit_growth_ppb(fit, true),
        .gates = fit->n,
    };
}

bool stamp_line_is_sound(const struct stamp_line *line)
{
    return line->until == 0 ||
           (line->rate >= RATE_MIN && line->rate <= RATE_MAX && line->bound_ns <= BOUND_NS_MAX &&
            line->growth_ppb <= GROWTH_PPB_MAX);
}

bool stamp_line_refresh(const struct snapshot *board, struct stamp_line_view *view)
{
    struct stamp_line line;
    if (!snapshot_moved(board, view->seen) ||
        !snapshot_read(board, &line, sizeof line, &view->seen))
        return false;
    bool sound = stamp_line_is_sound(&line);
    if (sound)
        view->line = line;
    view->refused += !sound;
    return sound;
}
