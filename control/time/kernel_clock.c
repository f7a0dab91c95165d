#include "control/time/kernel_clock.h"

#define SECOND_NS UINT64_C(1000000000)

enum {
    GROWTH_US = 500, // a second: the kernel's MAXFREQ
    PHI_PPM = 15,    // RFC 5905, section 7.2
    // Before the first update is seen nobody knows what its error was. This covers the root
    // distance of upstreams on the internet; what is more counts as growth, up to a longest
    // interval of chronyd and ntpd by default.
    FIRST_ERROR_US = 50000,
    FIRST_INTERVAL_S = 1024,
    INTERVAL_LEAST_S = 32,
    INTERVAL_MOST_S = 4096,
};

// Two and a half intervals without an update, or a quarter more than the first one may last.
static uint64_t patience_ns(const struct kernel_clock *clock)
{
    uint64_t interval = clock->interval_ns;

    if (interval == 0)
        return FIRST_INTERVAL_S * SECOND_NS / 4 * 5;
    if (interval < INTERVAL_LEAST_S * SECOND_NS)
        interval = INTERVAL_LEAST_S * SECOND_NS;
    if (interval > INTERVAL_MOST_S * SECOND_NS)
        interval = INTERVAL_MOST_S * SECOND_NS;
    return interval / 2 * 5;
}

static void look_first(struct kernel_clock *clock, const struct timex *now, uint64_t now_ns)
{
    int64_t growth = now->maxerror - FIRST_ERROR_US;

    if (growth < 0)
        growth = 0;
    if (growth > FIRST_INTERVAL_S * GROWTH_US)
        growth = FIRST_INTERVAL_S * GROWTH_US;
    const uint64_t age_ns = (uint64_t)growth * (SECOND_NS / GROWTH_US);
    clock->growth_us = growth;
    clock->updated_ns = now_ns > age_ns ? now_ns - age_ns : 0;
    clock->looked = true;
}

// The kernel adds whole steps, one a second. Anything else is an update.
static void look_again(struct kernel_clock *clock, const struct timex *now, uint64_t now_ns)
{
    const int64_t more = now->maxerror - clock->maxerror_us;
    const int64_t steps = (int64_t)((now_ns - clock->looked_ns) / SECOND_NS) + 1;

    if (more >= 0 && more % GROWTH_US == 0 && more <= steps * GROWTH_US) {
        clock->growth_us += more;
        return;
    }
    clock->interval_ns = clock->update_seen ? now_ns - clock->updated_ns : 0;
    clock->updated_ns = now_ns;
    clock->growth_us = 0;
    clock->update_seen = true;
}

static double error_s(const struct kernel_clock *clock, const struct timex *now, uint64_t now_ns)
{
    const uint64_t age_ns = now_ns - clock->updated_ns;
    int64_t us = now->maxerror;

    // Marked as unsynchronised, and no update seen yet: nothing says that anybody keeps it.
    const bool kept = clock->update_seen || (now->status & STA_UNSYNC) == 0;
    if (kept && age_ns <= patience_ns(clock))
        us += (int64_t)(age_ns / SECOND_NS * PHI_PPM) - clock->growth_us;
    if (us > now->maxerror)
        us = now->maxerror;
    if (us < now->esterror)
        us = now->esterror;
    return (double)us / 1e6;
}

struct kernel_verdict kernel_clock_look(struct kernel_clock *clock, int returned,
                                        const struct timex *now, uint64_t now_ns)
{
    if (returned < 0)
        return (struct kernel_verdict){0};
    if (clock->looked)
        look_again(clock, now, now_ns);
    else
        look_first(clock, now, now_ns);
    clock->maxerror_us = now->maxerror;
    clock->looked_ns = now_ns;

    const bool marked = (now->status & STA_UNSYNC) != 0;
    return (struct kernel_verdict){
        .error_s = error_s(clock, now, now_ns),
        // The mark alone is not held against it: without `rtcsync` chronyd never takes it away.
        // After a boot and a step maxerror is 16 s, so one that is small was set by somebody.
        .good = returned != TIME_ERROR || (marked && (now->status & STA_CLOCKERR) == 0),
        .marked = marked,
        .leap_inserts = returned == TIME_INS || returned == TIME_OOP ||
                        (returned == TIME_ERROR && (now->status & STA_INS) != 0),
        .leap_deletes =
            returned == TIME_DEL || (returned == TIME_ERROR && (now->status & STA_DEL) != 0),
    };
}
