#include "dataplane/stage/overload.h"

// The core may be held up for longer than its packets take, which is not the packets' fault.
enum { HELD_UP_MS = 1 };

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

enum overload_rung overload_note(struct overload *o, uint64_t tsc, uint64_t tsc_hz, uint32_t full)
{
    const uint64_t ms = tsc_hz / 1000;
    const uint64_t passed = o->seen == 0 ? 0 : tsc - o->seen;
    o->seen = tsc;
    if (full > 1) // the poll before left frames, too: the port was never empty since
        o->pressure = lesser(o->pressure + lesser(passed, HELD_UP_MS * ms), OVERLOAD_MOST_MS * ms);
    else
        o->pressure -= lesser(o->pressure, passed / OVERLOAD_FALL);
    if (o->pressure < OVERLOAD_NO_NAKS_MS * ms)
        return OVERLOAD_NONE;
    if (o->pressure < OVERLOAD_LEAK_MS * ms)
        return OVERLOAD_NO_NAKS;
    return o->pressure < OVERLOAD_SHARE_MS * ms ? OVERLOAD_LEAK : OVERLOAD_SHARE;
}

// Halves, and a straight line between two of them.
uint32_t overload_share(const struct overload *o, uint64_t tsc_hz)
{
    const uint64_t half = OVERLOAD_HALF_MS * (tsc_hz / 1000);
    const uint64_t first = OVERLOAD_SHARE_MS * (tsc_hz / 1000);
    if (o->pressure <= first)
        return OVERLOAD_ONE;
    const uint64_t above = lesser(o->pressure - first, OVERLOAD_HALVES * half);
    const uint32_t share = OVERLOAD_ONE >> (above / half);
    return share - (uint32_t)(share / 2 * (above % half) / half);
}
