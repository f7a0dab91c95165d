// Sampling the clock, and making the server's clock state.
#include "control/time/time_source.h"

#include "base/log.h"
#include "base/tsc.h"
#include "board/ntp_state.h"
#include "board/time_fit.h"
#include "control/time/leap.h"
#include "control/time/smearing.h"
#include "control/time/time_clock.h"
#include "control/time/truth.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MS_NS UINT64_C(1000000)

enum {
    PRECISION_BEST = -25,
    PRECISION_WORST = -6,
    // A state on the board has one, also before there is a reference.
    STRATUM_UNSERVED = 15,
};

struct time_source {
    struct time_clock clock;
    struct snapshot *board;
    const struct config *config; // not owned
    uint64_t now_ns;             // of this turn
    int64_t utc_ns;              // CLOCK_REALTIME at this turn's sample
    struct time_fit fit;
    struct ntp_state state; // as published last
    struct truth truth;
    struct truth_view view; // as of the last publication
    struct health health;
    struct leap leap;
    struct smearing smearing;
    bool crossing;  // the last step was that of a leap second
    bool began;     // has had a turn
    bool inherited; // state is a predecessor's
    bool marked;    // that the kernel has it marked nevertheless: as logged last
    bool unkept;    // likewise: that keys of a fleet do not follow it
    struct log_limit step_log;
};

static uint64_t system_tsc(void *self)
{
    (void)self;
    return tsc_now_ordered();
}

static int64_t system_utc_ns(void *self)
{
    (void)self;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int system_kernel(void *self, struct timex *now)
{
    (void)self;
    *now = (struct timex){.modes = 0};
    return adjtimex(now);
}

static bool system_leaps(void *self, struct leap_list *list)
{
    return leap_file_take(self, list);
}

int time_source_open(const struct config *config, int fd, struct snapshot *state,
                     struct time_source **source)
{
    struct time_clock clock = {.tsc = system_tsc, .utc_ns = system_utc_ns, .kernel = system_kernel};
    struct leap_file *file = NULL;
    if (config_smears(config)) {
        const int error = leap_file_open(config->time.leap_list, &file);
        if (error != 0)
            return error;
        clock.self = file;
        clock.leaps = system_leaps;
    }
    const int error = time_source_open_with(config, &clock, fd, state, source);
    if (error != 0)
        leap_file_close(file);
    return error;
}

int time_source_open_with(const struct config *config, const struct time_clock *clock, int fd,
                          struct snapshot *board, struct time_source **out)
{
    struct time_source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return -ENOMEM;
    source->clock = *clock;
    source->board = board;
    source->config = config;
    const int error = truth_open(&source->truth, config, fd);
    if (error != 0) {
        free(source);
        return error;
    }
    time_fit_init(&source->fit);
    smearing_open(&source->smearing, clock->leaps != NULL ? config->time.leap_list : NULL);

    struct ntp_state_view view = {0};
    source->inherited = ntp_state_refresh(board, &view) && view.state.serving;
    if (source->inherited)
        source->state = view.state;
    source->state.steps = 0;
    if (source->state.stratum == 0)
        source->state.stratum = STRATUM_UNSERVED;
    if (config->time.source == TIME_FIXED && config->role != SERVE_KE)
        log_warning("time.source is `fixed`: CLOCK_REALTIME IS SERVED AS SYNCHRONISED, at stratum "
                    "%u, whether it is right or not; for tests only",
                    config->time.stratum);
    *out = source;
    return 0;
}

void time_source_close(struct time_source *source)
{
    if (source != NULL)
        truth_close(&source->truth);
    free(source);
}

// NTP short format, rounded up.
static uint32_t short_format(double seconds)
{
    return (uint32_t)ceil(fmin(seconds, 16) * 65536);
}

// RFC 5905, section 7.3: precision is the time to read the clock, as a power of two in seconds.
static int8_t precision_of(double ns)
{
    double log = ceil(log2(fmax(ns, 1) / NS_PER_S));
    return (int8_t)fmin(fmax(log, PRECISION_BEST), PRECISION_WORST);
}

// Logs a change of health since the last message. A step has its own message.
static void say_health(struct time_source *source, bool changed, double error_s)
{
    const enum health_reason reason = source->health.reason;
    const bool marked = reason == HEALTH_GOOD && source->view.marked;
    char why[320];

    if (changed && (reason != HEALTH_STEPPED || source->view.unconfirmed)) {
        truth_explain(&source->truth, &source->view, reason, error_s, why, sizeof why);
        if (reason == HEALTH_GOOD)
            log_info("%s", why);
        else
            log_warning("%s: %s", why,
                        source->config->time.on_unhealthy == UNHEALTHY_SILENT
                            ? "requests are not answered (time.on_unhealthy)"
                            : "replies say so (LI 3, stratum 0)");
    }
    if (marked && !source->marked)
        log_warning("the kernel marks its clock as not synchronised, but somebody keeps its error "
                    "below time.max_error: served as synchronised; have the mark taken away "
                    "(chronyd: add rtcsync to chrony.conf)");
    source->marked = marked;
}

// Where there is a fleet with role ke, whose keys follow this clock.
static void say_unkept(struct time_source *source)
{
    const char *fleet = source->config->keys.fleet_file;
    const bool unkept = source->view.unkept && fleet != NULL && fleet[0] != '\0';

    if (unkept && !source->unkept)
        log_warning("the system clock is not synchronised (chronyd: add rtcsync to chrony.conf): "
                    "the keys of the fleet keep their period until it is");
    if (!unkept && source->unkept)
        log_info("the system clock is synchronised now: the keys of the fleet follow it");
    source->unkept = unkept;
}

// Is the clock healthy but for the jump of a leap second? The smeared time has none.
static bool smear_is_healthy(const struct time_source *source, struct health_facts facts)
{
    struct health besides = {0};
    if (source->crossing && source->fit.stepped && !source->view.unconfirmed)
        facts.stepped = false;
    health_judge(&besides, &facts, source->now_ns);
    return besides.reason == HEALTH_GOOD;
}

// Takes leap, reference, error and health from the source of the truth. base_ns: CLOCK_REALTIME at
// the base of the state's line.
static void consult(struct time_source *source, int64_t base_ns)
{
    struct ntp_state *state = &source->state;
    struct truth_view *view = &source->view;
    struct truth_kernel kernel;
    kernel.returned = source->clock.kernel(source->clock.self, &kernel.now);
    truth_look(&source->truth, &kernel, source->now_ns, view);

    const double dispersion_s = view->error_s + source->fit.bound_ns / NS_PER_S;
    const bool fixed = source->config->time.source == TIME_FIXED;
    const struct health_facts facts = {
        .stepped = source->fit.stepped || view->unconfirmed,
        .contradicted = view->contradicted,
        .stale = view->stale,
        .unsynchronised = view->unsynchronised,
        .error_s = dispersion_s + view->delay_s / 2,
        .error_max_s = fixed ? INFINITY : source->config->time.max_error_ms / 1e3,
    };
    const bool changed = health_judge(&source->health, &facts, source->now_ns);
    const uint8_t leap = leap_announced(&source->leap, view->leap, source->utc_ns);
    say_health(source, changed, facts.error_s);
    say_unkept(source);
    smearing_write(&source->smearing, base_ns, leap, smear_is_healthy(source, facts), state);

    state->root_dispersion = short_format(dispersion_s);
    state->root_delay = short_format(view->delay_s);
    state->leap = LEAP_UNKNOWN;
    if (source->health.reason != HEALTH_GOOD)
        return; // the rest stays what it was; it is not served
    state->leap = leap;
    state->stratum = view->stratum;
    state->reference_id = view->reference_id;
    state->reference_time = view->reference_time != 0 ? view->reference_time : state->line.utc_base;
}

// The TSC at that time of the line; 0 for 0.
static uint64_t tsc_at(const struct time_line *line, int64_t utc_ns)
{
    if (utc_ns == 0)
        return 0;
    const double ticks = (double)(utc_ns - line->base_ns) / line->ns_per_tick;
    return line->tsc_base + (uint64_t)(int64_t)ticks;
}

static void publish(struct time_source *source, const struct time_line *line)
{
    struct ntp_state *state = &source->state;
    double width_ns = (double)time_fit_narrowest(&source->fit) * line->ns_per_tick;
    state->line = time_line_encode(line);
    state->written_tsc = line->tsc_base;
    state->tsc_hz = (uint64_t)(NS_PER_S / line->ns_per_tick + 0.5);
    state->precision = precision_of(width_ns);
    state->void_after = line->tsc_base + TIME_FIT_VOID_S * state->tsc_hz;
    state->bound_ns = time_fit_bound(&source->fit);
    state->growth_ppb = time_fit_growth_ppb(&source->fit, false);
    state->gates = source->fit.n;
    state->serving = 1;
    consult(source, line->base_ns);
    state->jump_tsc = tsc_at(line, leap_void_ns(&source->leap, source->utc_ns));
    ntp_state_publish(source->board, state);
    source->inherited = false;
}

static void stepped(struct time_source *source, double by_ns)
{
    const bool listed = smear_stepped(&source->smearing.smear, source->utc_ns, by_ns);
    source->crossing = leap_explains(&source->leap, source->utc_ns, by_ns) || listed;
    if (source->crossing) {
        log_info("the announced leap second is over: the system clock went %s by one second",
                 by_ns < 0 ? "back" : "forth");
        return;
    }
    source->state.steps++;
    truth_stepped(&source->truth, source->now_ns);
    log_limited(&source->step_log, LOG_LEVEL_WARNING,
                "the system clock was stepped by %+.6f s: replies say LI 3 until a new line is "
                "fitted",
                by_ns / NS_PER_S);
}

// Nobody watched the clock between the predecessor's death and now: is its line still right?
static void check_inherited(struct time_source *source, const struct time_sample *sample)
{
    struct time_line line = time_line_decode(&source->state.line, sample->ns);
    double excess_ns = time_line_excess(&line, sample, TIME_FIT_SLACK_NS + source->state.bound_ns);
    if (excess_ns == 0)
        return;
    stepped(source, excess_ns);
    line.tsc_base = sample->tsc;
    line.base_ns = sample->ns;
    source->fit.stepped = true;
    publish(source, &line);
}

uint64_t time_source_turn(struct time_source *source, uint64_t now_ns)
{
    const struct time_clock *clock = &source->clock;
    source->now_ns = now_ns;
    if (!source->began)
        health_open(&source->health, now_ns);
    source->began = true;
    truth_turn(&source->truth, now_ns);
    struct leap_list list;
    if (clock->leaps != NULL && clock->leaps(clock->self, &list))
        smearing_take(&source->smearing, &list);
    struct time_sample sample =
        time_sample_take(&(struct time_readers){clock->self, clock->tsc, clock->utc_ns});
    struct time_line before = source->fit.line;
    source->utc_ns = sample.ns;
    switch (time_fit_add(&source->fit, &sample)) {
    case TIME_FIT_COLLECTING:
        if (source->inherited)
            check_inherited(source, &sample);
        break;
    case TIME_FIT_GOOD:
        publish(source, &source->fit.line);
        break;
    case TIME_FIT_STEPPED:
        stepped(source, time_line_excess(&before, &sample, 0));
        publish(source, &source->fit.line);
        break;
    }
    return now_ns + (source->fit.ready ? 50 * MS_NS : 10 * MS_NS);
}

bool time_source_has_news(const struct time_source *source, uint64_t now_ns,
                          char text[TIME_SOURCE_NEWS_MAX])
{
    // Before the first line nothing has been judged.
    if (!source->state.serving || source->inherited || !health_has_news(&source->health, now_ns))
        return false;
    const char *reason = health_reason_word(&source->health);
    snprintf(text, TIME_SOURCE_NEWS_MAX, "%s%s%s", health_state_word(&source->health),
             reason != NULL ? " " : "", reason != NULL ? reason : "");
    return true;
}

void time_source_told(struct time_source *source)
{
    health_told(&source->health);
}

void time_source_report(const struct time_source *source, struct time_report *report)
{
    *report = (struct time_report){
        .health = source->health,
        .trusted = source->health.reason == HEALTH_GOOD && !source->view.unkept,
        .view = source->view,
        .line_error_ns = source->fit.bound_ns,
        .ns_per_tick = source->fit.line.ns_per_tick,
        .smears = source->smearing.on,
        .smear_s = source->smearing.now.ns / NS_PER_S,
        .smear_lost = source->smearing.now.state == SMEAR_LOST,
        .leap_list_bad = source->smearing.bad_list,
    };
}

bool time_source_is_lost(struct time_source *source, uint64_t now_ns)
{
    return truth_is_lost(&source->truth, now_ns);
}
