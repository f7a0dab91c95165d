#include "dataplane/nic_clock.h"

#include "base/log.h"
#include "base/ntp_time.h"
#include "base/tsc.h"
#include "board/stamp_line.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

enum { PROBE_REQUESTS = 100 };

#define TAI_AHEAD_S 37.0 // since 2017
#define NEAR_S 0.5

static void publish_none(const struct nic_clock *nic)
{
    const struct stamp_line none = {0};
    snapshot_publish(&nic->port->own_clock, &none, sizeof none);
}

void nic_clock_open(struct nic_clock *nic, const struct port_clock *clock, struct board_port *port)
{
    *nic = (struct nic_clock){.clock = clock, .port = port};
    time_fit_init_kind(&nic->fit, &time_fit_free);
    nic->stamped = atomic_load_explicit(&port->stamped, memory_order_relaxed);
    nic->hardware = atomic_load_explicit(&port->hardware, memory_order_relaxed);
    nic->believed = atomic_load_explicit(&port->believed, memory_order_relaxed);
    publish_none(nic); // a predecessor's
}

int nic_clock_start(struct nic_clock *nic)
{
    return clock_reader_open(nic->clock, &nic->reader);
}

// -EAGAIN: not this time.
static void say_fault(struct nic_clock *nic, int64_t fault)
{
    static struct log_limit limit;
    if (fault == -EAGAIN)
        return;
    if (fault != 0 && nic->fault == 0)
        log_limited(&limit, LOG_LEVEL_WARNING,
                    "%s: %s cannot be read: %s; it stamps no requests until it can",
                    nic->port->name, nic->clock->name, strerror((int)-fault));
    nic->fault = fault;
}

static void add(struct nic_clock *nic, const struct time_sample *sample)
{
    const bool anew = nic->fit.stepped;
    switch (time_fit_add(&nic->fit, sample)) {
    case TIME_FIT_GOOD: {
        const struct stamp_line line = stamp_line_of(&nic->fit);
        snapshot_publish(&nic->port->own_clock, &line, sizeof line);
        if (anew)
            log_info("%s: %s runs evenly again: it stamps requests", nic->port->name,
                     nic->clock->name);
        break;
    }
    case TIME_FIT_STEPPED:
        publish_none(nic);
        log_warning("%s: %s was set, stands still, or has another rate: it stamps no requests "
                    "until it runs evenly",
                    nic->port->name, nic->clock->name);
        break;
    case TIME_FIT_COLLECTING:
        break;
    }
}

void nic_clock_take(struct nic_clock *nic, const struct clock_word *word)
{
    say_fault(nic, word->fault);
    if (word->n == nic->n)
        return;
    nic->n = word->n;
    add(nic, &word->sample);
}

// By how much the clock is ahead of UTC, to some milliseconds.
static double ahead_s(const struct nic_clock *nic)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const double age_ticks = (double)(int64_t)(tsc_now() - nic->fit.line.tsc_base);
    const int64_t utc_ns = (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
    return ((double)(nic->fit.line.base_ns - utc_ns) + age_ticks * nic->fit.line.ns_per_tick) /
           NS_PER_S;
}

static void say_good(struct nic_clock *nic)
{
    const double ahead = ahead_s(nic);
    const bool tai = fabs(ahead - TAI_AHEAD_S) < NEAR_S;
    log_info("%s: %s stamps requests: known to within %u ns, %.3f s ahead of UTC (%s)",
             nic->port->name, nic->clock->name, time_fit_bound(&nic->fit), ahead,
             tai                    ? "TAI"
             : fabs(ahead) < NEAR_S ? "UTC"
                                    : "on its own");
    nic->said_good = true;
}

// The counts are brought up to date once a second. A judgement wants enough requests, and a line.
static void probe(struct nic_clock *nic)
{
    static struct log_limit limit;
    struct board_port *port = nic->port;
    const uint64_t stamped = atomic_load_explicit(&port->stamped, memory_order_relaxed);
    const uint64_t hardware = atomic_load_explicit(&port->hardware, memory_order_relaxed);
    const uint64_t believed = atomic_load_explicit(&port->believed, memory_order_relaxed);
    if (nic->fit.ready && believed > nic->believed && !nic->said_good)
        say_good(nic);
    const bool anew = stamped < nic->stamped || hardware < nic->hardware; // a predecessor's counts
    if (!anew && stamped - nic->stamped < PROBE_REQUESTS &&
        hardware - nic->hardware < PROBE_REQUESTS)
        return;
    if (!anew && hardware == nic->hardware && !nic->said_none) {
        log_info("%s: its device stamps no ordinary requests: the XDP program does", port->name);
        nic->said_none = true;
    }
    nic->strange = !anew && nic->fit.ready && hardware - nic->hardware >= PROBE_REQUESTS &&
                   believed == nic->believed;
    if (nic->strange)
        log_limited(&limit, LOG_LEVEL_WARNING,
                    "%s: the stamps of its device are no readings of %s: they are not used",
                    port->name, nic->clock->name);
    nic->stamped = stamped;
    nic->hardware = hardware;
    nic->believed = believed;
}

void nic_clock_turn(struct nic_clock *nic)
{
    struct clock_word word;
    if (nic->reader && clock_reader_take(nic->reader, &word))
        nic_clock_take(nic, &word);
    probe(nic);
}

void nic_clock_close(struct nic_clock *nic)
{
    clock_reader_close(nic->reader);
    nic->reader = NULL;
    if (nic->port)
        publish_none(nic);
}
