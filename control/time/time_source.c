// Sampling the clock, and making the server's clock state.
#include "control/time/time_source.h"

#include "base/log.h"
#include "base/tsc.h"
#include "board/ntp_state.h"
#include "board/time_fit.h"
#include "control/time/kernel_clock.h"
#include "control/time/time_clock.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#define MS_NS UINT64_C(1000000)

enum {
    PRECISION_BEST = -25,
    PRECISION_WORST = -6,
};

struct time_source {
    struct time_clock clock;
    struct snapshot *board;
    uint64_t now_ns; // of this turn
    enum config_time_source kind;
    struct time_fit fit;
    struct ntp_state state; // as published last
    struct kernel_clock kernel;
    double error_max_s;
    bool inherited;    // state is a predecessor's
    bool synchronised; // as logged last
    bool marked;       // that the kernel has it marked nevertheless: as logged last
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

int time_source_open(const struct config *config, struct snapshot *state,
                     struct time_source **source)
{
    const struct time_clock clock = {
        .tsc = system_tsc, .utc_ns = system_utc_ns, .kernel = system_kernel};
    return time_source_open_with(config, &clock, state, source);
}

int time_source_open_with(const struct config *config, const struct time_clock *clock,
                          struct snapshot *board, struct time_source **out)
{
    struct time_source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return -ENOMEM;
    source->clock = *clock;
    source->board = board;
    source->kind = config->time.source;
    source->error_max_s = config->time.max_error_ms / 1e3;
    time_fit_init(&source->fit);

    struct ntp_state_view view = {0};
    source->inherited = ntp_state_refresh(board, &view) && view.state.serving;
    if (source->inherited)
        source->state = view.state;
    source->state.steps = 0;
    source->state.stratum = config->time.stratum;
    source->state.reference_id = config->time.reference_id_word;
    source->synchronised = true;
    if (source->kind == TIME_FIXED)
        log_warning("time.source is `fixed`: CLOCK_REALTIME IS SERVED AS SYNCHRONISED, at stratum "
                    "%u, whether it is right or not; for tests only",
                    config->time.stratum);
    *out = source;
    return 0;
}

void time_source_close(struct time_source *source)
{
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

static enum ntp_leap leap_of(const struct kernel_verdict *kernel)
{
    return kernel->leap_inserts ? LEAP_INSERT : kernel->leap_deletes ? LEAP_DELETE : LEAP_NONE;
}

#define ADD_RTCSYNC "(chronyd: add rtcsync to chrony.conf)"

// Says what has changed since it last said something.
static void say_synchronised(struct time_source *source, bool synchronised, bool marked,
                             double error_s)
{
    if (!synchronised && source->synchronised)
        log_warning("the system clock is not synchronised: replies say so (LI 3, stratum 0); it "
                    "may be wrong by %.3f s, time.max_error is %.3f s%s",
                    error_s, source->error_max_s,
                    marked ? "; its program must tell the kernel that it keeps it " ADD_RTCSYNC
                           : "");
    if (synchronised && !source->synchronised)
        log_info("the system clock is synchronised now");
    if (synchronised && marked && !source->marked)
        log_warning("the kernel marks its clock as not synchronised, but somebody keeps its error "
                    "below time.max_error: served as synchronised; have the mark taken "
                    "away " ADD_RTCSYNC);
    source->synchronised = synchronised;
    source->marked = synchronised && marked;
}

// Takes leap, error and synchronisation from the kernel's clock.
static void query_kernel(struct time_source *source)
{
    struct timex now = {0};
    const int returned = source->clock.kernel(source->clock.self, &now);
    const struct kernel_verdict kernel =
        kernel_clock_look(&source->kernel, returned, &now, source->now_ns);
    double error_s = source->fit.bound_ns / NS_PER_S;
    bool synchronised = true;

    if (source->kind != TIME_FIXED) {
        error_s += kernel.error_s;
        synchronised = kernel.good && error_s < source->error_max_s;
        say_synchronised(source, synchronised, kernel.marked, error_s);
    }
    source->state.leap = synchronised ? leap_of(&kernel) : LEAP_UNKNOWN;
    source->state.root_dispersion = short_format(error_s);
    if (synchronised)
        source->state.reference_time = source->state.line.utc_base;
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
    query_kernel(source);
    if (source->fit.stepped)
        state->leap = LEAP_UNKNOWN;
    ntp_state_publish(source->board, state);
    source->inherited = false;
}

static void stepped(struct time_source *source, double by_ns)
{
    source->state.steps++;
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
    struct time_sample sample =
        time_sample_take(&(struct time_readers){clock->self, clock->tsc, clock->utc_ns});
    struct time_line before = source->fit.line;
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
