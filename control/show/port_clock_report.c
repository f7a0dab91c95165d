// Names are stable and documented in noonmarkctl(1): extend, do not rename.
#include "control/show/port_clock_report.h"

#include "board/stamp_line.h"
#include "board/time_fit.h"
#include "control/show/report.h"

#include <math.h>
#include <stdio.h>

#define TAI_AHEAD_S 37.0 // since 2017
#define NEAR_S 0.5

static uint64_t read_word(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

// A device's clock minus UTC at that tick, in seconds. Whole nanoseconds are subtracted first: a
// double cannot hold a date to the nanosecond.
static double offset_s(const struct stamp_line *own, const struct ntp_state *state, uint64_t now)
{
    const struct time_line utc = time_line_decode(&state->line, (int64_t)own->stamp_base);
    const double ticks_per_ns = ldexp((double)own->rate, -STAMP_RATE_SHIFT);
    const double own_ns = (double)(int64_t)(now - own->tsc_base) / ticks_per_ns;
    const double utc_ns = (double)(int64_t)(now - utc.tsc_base) * utc.ns_per_tick;
    const double bases_ns = (double)((int64_t)own->stamp_base - utc.base_ns);
    return (bases_ns + (own_ns - utc_ns)) / NS_PER_S;
}

static double frequency_ppm(const struct stamp_line *own, const struct ntp_state *state)
{
    const double ticks_per_ns = ldexp((double)own->rate, -STAMP_RATE_SHIFT);
    const double utc_ns_per_tick =
        ldexp((double)state->line.rate, -CLOCK_RATE_SHIFT - 32) * NS_PER_S;
    return (1 / ticks_per_ns / utc_ns_per_tick - 1) * 1e6;
}

static const char *timescale(double off_s)
{
    if (fabs(off_s) < NEAR_S)
        return "UTC";
    return fabs(off_s - TAI_AHEAD_S) < NEAR_S ? "TAI" : "free";
}

// The device's clock; null: it has none, or none that is read.
static json_t *clock_of(const struct board_port *port, const struct ntp_state *state, uint64_t now,
                        bool *exact)
{
    struct stamp_line_view view = {0};
    *exact = false;
    if (port->clock[0] == '\0')
        return json_null();
    stamp_line_refresh(&port->own_clock, &view);
    const struct stamp_line *line = &view.line;
    *exact = line->until != 0 && (int64_t)(line->until - now) > 0;
    const bool known = *exact && state->line.rate != 0;
    json_t *o = report_metrics(METRIC_STAMPS, line);
    json_object_set_new(o, "clock", report_text(port->clock));
    json_object_set_new(o, "exact", json_boolean(*exact));
    const double off_s = known ? offset_s(line, state, now) : 0;
    json_object_set_new(o, "offset_s", known ? json_real(off_s) : json_null());
    json_object_set_new(o, "frequency_ppm",
                        known ? json_real(frequency_ppm(line, state)) : json_null());
    json_object_set_new(o, "timescale", known ? json_string(timescale(off_s)) : json_null());
    return o;
}

static json_t *share(uint64_t part, uint64_t all)
{
    return all == 0 ? json_null() : json_real((double)part / (double)all);
}

static json_t *port_report(const struct board_port *port, const struct ntp_state *state,
                           uint64_t now)
{
    const uint64_t stamped = read_word(&port->stamped), unstamped = read_word(&port->unstamped);
    const uint64_t hardware = read_word(&port->hardware), believed = read_word(&port->believed);
    const uint64_t all = stamped + unstamped > hardware ? stamped + unstamped : hardware;
    bool exact;
    json_t *o = json_object();
    json_object_set_new(o, "name", report_text(port->name));
    json_object_set_new(o, "stamps", report_text(port->stamps));
    json_object_set_new(o, "clock", clock_of(port, state, now, &exact));
    json_object_set_new(o, "receive",
                        json_string(exact && believed > 0 ? "hardware"
                                    : stamped > 0         ? "kernel"
                                                          : "none"));
    report_set_int(o, "stamped", stamped);
    report_set_int(o, "unstamped", unstamped);
    json_object_set_new(o, "coverage", share(stamped, stamped + unstamped));
    report_set_int(o, "hardware", hardware);
    report_set_int(o, "hardware_believed", believed);
    json_object_set_new(o, "hardware_coverage", share(believed, all));
    return o;
}

json_t *port_clocks_report(const struct board_dataplane *board, const struct ntp_state *state,
                           uint64_t now)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < report_bounded(&board->n_ports, PORTS_MAX); i++)
        json_array_append_new(list, port_report(&board->port[i], state, now));
    return list;
}
