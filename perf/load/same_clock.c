#include "perf/load/same_clock.h"

#include <string.h>

enum {
    HALF_DELAY_SLACK_NS = 1000,
    PRECISION_MIN = -32, // the last bit of a timestamp
    PRECISION_MAX = 30,  // the largest that fits into a span
};

const struct same_clock_row same_clock_rows[SAME_CLOCK_ERRORS] = {
    [SAME_CLOCK_RECEIVE] = {"receive_before_sent", "received before they were sent"},
    [SAME_CLOCK_TRANSMIT] = {"sent_after_received", "sent after they were received"},
    [SAME_CLOCK_ORDER] = {"order", "sent before they were received by the server"},
};

void same_clock_init(struct same_clock *s)
{
    memset(s, 0, sizeof *s);
    spread_init(&s->receive);
    spread_init(&s->transmit);
    histogram_init(&s->offset);
}

// Converts a time to units of 2^-32 s, rounded down or up.
static ntp_time floor_of(uint64_t ns_since_1970)
{
    uint64_t part = ns_since_1970 % NS_PER_S;
    return ((ns_since_1970 / NS_PER_S + NTP_UNIX_OFFSET) << 32) + (part << 32) / NS_PER_S;
}

static ntp_time ceiling_of(uint64_t ns_since_1970)
{
    uint64_t part = ns_since_1970 % NS_PER_S;
    uint64_t up = ((part << 32) + NS_PER_S - 1) / NS_PER_S;
    return ((ns_since_1970 / NS_PER_S + NTP_UNIX_OFFSET) << 32) + up;
}

// Converts a span to ns, rounded down.
static int64_t ns_of(int64_t units)
{
    return (units >> 32) * NS_PER_S + (int64_t)((((uint64_t)units & UINT32_MAX) * NS_PER_S) >> 32);
}

static int64_t units_of_precision(int8_t precision)
{
    if (precision < PRECISION_MIN)
        return 0;
    return (int64_t)1 << (32 + (precision < PRECISION_MAX ? precision : PRECISION_MAX));
}

// by[]: the size of each error, in units of 2^-32 s; 0 or less: no error.
static void note_errors(struct same_clock *s, const struct same_clock_exchange *e,
                        const int64_t by[SAME_CLOCK_ERRORS])
{
    int64_t most = 0;
    for (unsigned i = 0; i < SAME_CLOCK_ERRORS; i++) {
        if (by[i] <= units_of_precision(e->precision))
            continue;
        s->errors[i]++;
        most = by[i] > most ? by[i] : most;
        uint64_t ns = (uint64_t)ns_of(by[i]);
        if (ns < s->worst_ns)
            continue;
        s->worst_ns = ns;
        s->worst = i;
        s->worst_at_ns = e->at_ns;
    }
    s->broken += most > 0;
    s->uncovered += most > (int64_t)e->dispersion << 16;
}

static uint64_t absolute(int64_t ns)
{
    return ns < 0 ? (uint64_t)-ns : (uint64_t)ns;
}

void same_clock_judge(struct same_clock *s, const struct same_clock_exchange *e)
{
    s->judged++;
    const int64_t by[SAME_CLOCK_ERRORS] = {
        [SAME_CLOCK_RECEIVE] = (int64_t)(floor_of(e->sent_ns) - e->receive),
        [SAME_CLOCK_TRANSMIT] = (int64_t)(e->transmit - ceiling_of(e->arrived_ns + 1)),
        [SAME_CLOCK_ORDER] = (int64_t)(e->receive - e->transmit),
    };
    note_errors(s, e, by);

    int64_t there = ns_of((int64_t)(e->receive - floor_of(e->sent_ns)));
    int64_t back = ns_of((int64_t)(e->transmit - floor_of(e->arrived_ns)));
    spread_add(&s->receive, there);
    spread_add(&s->transmit, back);
    // RFC 5905, section 8: theta = ((T2 - T1) + (T3 - T4)) / 2, delta = (T4 - T1) - (T3 - T2). Both
    // are doubled here. There is no overflow, because each span is within 68 years.
    int64_t offset = there + back;
    int64_t delay = there - back;
    histogram_add(&s->offset, absolute(offset) / 2);
    s->beyond_half_delay += (int64_t)absolute(offset) > delay + 2 * HALF_DELAY_SLACK_NS;
}

double same_clock_contained(const struct same_clock *s)
{
    return s->judged == 0 ? 0 : (double)(s->judged - s->broken) / (double)s->judged;
}
