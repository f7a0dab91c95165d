// The readers' copies of the line of the stamps' clock.
#include "board/stamp_line.h"

// Counters of real machines run at 50 MHz to 20 GHz.
#define RATE_MIN ((UINT64_C(1) << STAMP_RATE_SHIFT) / 20)
#define RATE_MAX (UINT64_C(20) << STAMP_RATE_SHIFT)

// A line with a larger bound or growth than these is not accepted.
#define BOUND_NS_MAX 1000000000
#define GROWTH_PPB_MAX 100000000

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
