// A pulse that does not move is counted; one that moves starts anew.
#include "supervisor/watch.h"

#include <string.h>

static bool alive(struct pulse *p, uint64_t now, uint32_t patience)
{
    if (p->seen != now) {
        p->seen = now;
        p->still = 0;
        return true;
    }
    return ++p->still < patience;
}

static uint64_t read_relaxed(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

void watch_dataplane_started(struct watch *w)
{
    memset(w->core, 0, sizeof w->core);
    w->housekeeping = (struct pulse){0};
}

void watch_control_started(struct watch *w)
{
    w->control = (struct pulse){0};
}

bool watch_dataplane(struct watch *w, const struct board_dataplane *board, int *core)
{
    uint32_t n = atomic_load_explicit(&board->n_cores, memory_order_relaxed);
    const uint64_t beat = read_relaxed(&board->heartbeat);
    // Housekeeping knows a stuck core from one that is kept off its CPU: while it beats, it judges.
    const bool judged = beat != w->housekeeping.seen;

    if (n > CORES_MAX)
        n = CORES_MAX;
    for (uint32_t i = 0; i < n; i++) {
        if (judged)
            w->core[i].still = 0;
        if (!alive(&w->core[i], read_relaxed(&board->core[i].heartbeat), WATCH_CORE_LOOKS)) {
            *core = (int)i;
            return false;
        }
    }
    if (!alive(&w->housekeeping, beat, WATCH_HOUSEKEEPING_LOOKS)) {
        *core = -1;
        return false;
    }
    return true;
}

bool watch_control(struct watch *w, const struct board_control *board)
{
    return alive(&w->control, read_relaxed(&board->heartbeat), WATCH_CONTROL_LOOKS);
}
