// Bounds from both sides, as gates.c has them for a line that also has a slope.
#include "board/wall_offset.h"

void wall_offset_note(struct wall_offset *offset, uint64_t before_ns, int64_t wall_ns,
                      uint64_t after_ns)
{
    const int64_t least = wall_ns - (int64_t)after_ns;
    const int64_t most = wall_ns - (int64_t)before_ns;
    if (offset->since_ns == 0 || least > offset->most_ns || most < offset->least_ns) {
        *offset = (struct wall_offset){.least_ns = least, .most_ns = most, .since_ns = after_ns};
        return;
    }
    if (least > offset->least_ns)
        offset->least_ns = least;
    if (most < offset->most_ns)
        offset->most_ns = most;
}

// A smaller difference makes a later time.
bool wall_offset_convert(const struct wall_offset *offset, int64_t wall_ns, uint64_t *monotonic_ns)
{
    *monotonic_ns = (uint64_t)(wall_ns - offset->least_ns);
    return offset->since_ns != 0 && (int64_t)(*monotonic_ns - offset->since_ns) >= 0;
}
