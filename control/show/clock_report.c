// The clock's objects. Their names are stable and documented in noonmarkctl(1): extend, do not
// rename.
#include "control/show/clock_report.h"

#include "base/now.h"
#include "base/tsc.h"
#include "config/schema.h"
#include "control/show/facts.h"
#include "control/show/port_clock_report.h"
#include "control/show/report.h"
#include "control/time/time_source.h"

#include <math.h>
#include <string.h>

json_t *clock_report(const struct status_sources *s)
{
    if (s->config->role == SERVE_KE)
        return json_null();
    struct ntp_state state;
    struct control_facts facts;
    // The dataplane's housekeeping checks control's clock itself.
    const bool running = board_dataplane_runs(s->dataplane);
    const bool believed = board_clock(&s->control->ntp_state, s->dataplane, &state);
    facts_describe(s, &facts);

    static const char *const leap[] = {"none", "insert", "delete", "unknown"};
    json_t *o = report_metrics(METRIC_CLOCK, &state);
    report_set_metrics(o, METRIC_FACTS, &facts);
    json_object_set_new(o, "source", json_string(facts.source));
    json_object_set_new(o, "synchronised", json_boolean(state.leap != LEAP_UNKNOWN));
    json_object_set_new(o, "believed", running ? json_boolean(believed) : json_null());
    json_object_set_new(o, "leap", json_string(leap[state.leap & 3]));
    json_object_set_new(o, "reference_id", json_string(facts.reference));
    return o;
}

// The health of the source, which only control knows.
static json_t *health_report(const struct status_sources *s, const struct time_report *report)
{
    static const char *const told[] = {
        [HEALTH_TOLD_NOTHING] = NULL,
        [HEALTH_TOLD_GOOD] = "healthy",
        [HEALTH_TOLD_BAD] = "unhealthy",
    };
    const struct health *health = &report->health;
    const bool silent = s->config->time.on_unhealthy == UNHEALTHY_SILENT;
    json_t *o = json_object();

    json_object_set_new(o, "state", json_string(health_state_word(health)));
    const char *reason = health_reason_word(health);
    json_object_set_new(o, "reason", reason != NULL ? json_string(reason) : json_null());
    json_object_set_new(o, "for_s", json_real((double)(now_ns() - health->since_ns) / NS_PER_S));
    report_set_int(o, "changes", health->changes);
    json_object_set_new(o, "on_unhealthy", json_string(silent ? "silent" : "mark"));
    const char *word = told[health->told];
    json_object_set_new(o, "hook",
                        word != NULL && s->config->time.hook[0] != '\0' ? json_string(word)
                                                                        : json_null());
    return o;
}

// A number that there may not be.
static void set_real(json_t *object, const char *name, bool is_there, double value)
{
    json_object_set_new(object, name, is_there && isfinite(value) ? json_real(value) : json_null());
}

// The clocks that stamp frames, while a dataplane reads them. All XDP programs use the same one.
json_t *stamp_clocks_report(const struct board_dataplane *board)
{
    json_t *list = json_array();
    struct stamp_line_view view = {0};
    if (!board_dataplane_runs(board) || !stamp_line_refresh(&board->stamps, &view))
        return list;
    const struct stamp_line *line = &view.line;
    json_t *o = report_metrics(METRIC_STAMPS, line);
    const bool exact = line->until != 0 && (int64_t)(line->until - tsc_now()) > 0;
    json_object_set_new(o, "clock", json_string("CLOCK_MONOTONIC"));
    json_object_set_new(o, "exact", json_boolean(exact));
    json_array_append_new(list, o);
    return list;
}

// How much faster UTC runs than the stamps' clock, CLOCK_MONOTONIC: it should be as fast. Each line
// is over the TSC.
static void set_stamps_frequency(json_t *object, const struct board_dataplane *board,
                                 const struct ntp_state *state)
{
    struct stamp_line_view view = {0};
    stamp_line_refresh(&board->stamps, &view);
    const double ticks_per_ns = ldexp((double)view.line.rate, -STAMP_RATE_SHIFT);
    const double utc_ns_per_tick =
        ldexp((double)state->line.rate, -CLOCK_RATE_SHIFT - 32) * NS_PER_S;
    const bool known = board_dataplane_runs(board) && view.line.rate != 0 && state->line.rate != 0;
    set_real(object, "stamps_frequency_ppm", known, (utc_ns_per_tick * ticks_per_ns - 1) * 1e6);
}

static void sum_cores(const struct board_dataplane *board, struct core_counters *sum)
{
    static struct core_counters copy; // main thread only; static for its size

    memset(sum, 0, sizeof *sum);
    for (uint32_t i = 0; i < report_bounded(&board->n_cores, CORES_MAX); i++) {
        counters_read(&board->core[i], &copy);
        counters_sum(sum, &copy);
    }
    counters_read(&board->kernel_path, &copy);
    counters_sum(sum, &copy);
}

json_t *clock_answer(const struct status_sources *s)
{
    static struct core_counters sum; // likewise
    struct ntp_state_view view = {0};
    struct time_report report;

    sum_cores(s->dataplane, &sum);
    ntp_state_refresh(&s->control->ntp_state, &view);
    time_source_report(s->time, &report);
    const struct truth_view *said = &report.view;
    const bool there = view.state.serving != 0;
    json_t *o = json_object();
    json_object_set_new(o, "role", json_string(schema_role_words[s->config->role]));
    json_object_set_new(o, "clock", clock_report(s));
    json_object_set_new(o, "health", health_report(s, &report));
    set_real(o, "error_bound_s", there,
             said->error_s + said->delay_s / 2 + report.line_error_ns / NS_PER_S);
    set_real(o, "line_error_ns", there, report.line_error_ns);
    json_object_set_new(o, "tsc_hz",
                        there ? json_integer((json_int_t)view.state.tsc_hz) : json_null());
    set_real(o, "source_offset_s", said->has_offset, said->offset_s);
    set_real(o, "source_age_s", said->has_offset, said->offset_age_s);
    json_object_set_new(o, "stamp_clocks", stamp_clocks_report(s->dataplane));
    set_stamps_frequency(o, s->dataplane, &view.state);
    json_object_set_new(o, "ports", port_clocks_report(s->dataplane, &view.state, tsc_now()));
    json_object_set_new(o, "departure_error", report_departures(&sum));
    report_set_int(o, "stamps_refused", sum.stamps_refused);
    report_set_int(o, "composed_again", sum.composed_again);
    return o;
}
