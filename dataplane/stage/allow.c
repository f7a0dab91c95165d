#include "dataplane/stage/allow.h"

static bool is_allowed(const struct batch *batch, unsigned lane, const struct prefixes *sources)
{
    const struct datagram *d = &batch->datagram[lane];
    const uint8_t *source = frame_source(batch->burst.frame[lane], d);
    return d->ip_version == 4 ? prefixes_allow_v4(sources, source)
                              : prefixes_allow_v6(sources, source);
}

// The headers are in the cache: parse has read them.
static __attribute__((noinline)) lane_set allow_each(struct batch *batch, lane_set lanes,
                                                     const struct prefixes *sources)
{
    lane_set passed = 0;
    for (lane_set rest = lanes; rest != 0;) {
        const unsigned i = lane_take(&rest);
        if (is_allowed(batch, i, sources))
            passed |= lane_bit(i);
    }
    batch->ended[DROPPED_DENIED] |= lanes & ~passed;
    return passed;
}

lane_set allow(struct batch *batch, lane_set lanes, const struct prefixes *sources)
{
    return sources == NULL ? lanes : allow_each(batch, lanes, sources);
}

struct kinds demand_nts(struct batch *batch, struct kinds kinds, lane_set lanes)
{
    batch->ended[DROPPED_PLAIN] |= kinds.plain & lanes;
    kinds.plain &= ~lanes;
    return kinds;
}
