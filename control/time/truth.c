// The sources of the truth.
#include "control/time/truth.h"

#include "base/ntp_time.h"
#include "board/ntp_state.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MS_NS UINT64_C(1000000)
#define PHI 15e-6 // RFC 5905, section 7.2: how fast a clock drifts that is not watched

// Reference times that differ by less are of one update: chronyd moves them when it slews.
#define SAME_UPDATE ((int64_t)1 << 22) // 1 ms

enum { STRATUM_MAX = 15, LOST_MS = 30000 };

#define ADD_RTCSYNC "(chronyd: add rtcsync to chrony.conf)"

int truth_open(struct truth *truth, const struct config *config, int fd)
{
    *truth = (struct truth){.config = config};
    chronyd_open(&truth->chronyd, fd);
    return config->time.source == TIME_PHC ? phc_open(fd, &truth->phc) : 0;
}

void truth_close(struct truth *truth)
{
    phc_close(truth->phc);
}

void truth_turn(struct truth *truth, uint64_t now_ns)
{
    if (truth->opened_ns == 0)
        truth->opened_ns = now_ns;
    if (truth->config->time.source == TIME_CHRONYD)
        chronyd_turn(&truth->chronyd, now_ns);
}

// All that the source has said so far is about the clock before the step. This is true for chronyd,
// too, because its clock is the system's.
void truth_stepped(struct truth *truth, uint64_t now_ns)
{
    const struct chronyd *chronyd = &truth->chronyd;
    const enum config_time_source kind = truth->config->time.source;

    truth->unconfirmed = kind == TIME_CHRONYD || kind == TIME_PHC;
    truth->stepped_ns = now_ns;
    if (kind != TIME_CHRONYD)
        return;
    truth->updated = chronyd->said.reference_time;
    truth->has_updated = chronyd->heard_ns != 0;
    chronyd_ask_soon(&truth->chronyd);
}

bool truth_is_lost(struct truth *truth, uint64_t now_ns)
{
    struct phc_word word;

    if (truth->phc == NULL || !phc_last(truth->phc, &word))
        return false;
    // The device has gone; or there was none at this start (supervisor/start.c).
    const bool gone = word.fault == -ENODEV || word.fault == -ENOTTY;
    const uint64_t since_ns = word.read_ns > truth->opened_ns ? word.read_ns : truth->opened_ns;
    return gone && now_ns > since_ns && now_ns - since_ns > LOST_MS * MS_NS;
}

static void look_at_kernel(struct truth *truth, const struct truth_kernel *kernel, uint64_t now_ns,
                           struct truth_view *view)
{
    const struct kernel_verdict verdict =
        kernel_clock_look(&truth->kernel, kernel->returned, &kernel->now, now_ns);

    view->leap = verdict.leap_inserts   ? LEAP_INSERT
                 : verdict.leap_deletes ? LEAP_DELETE
                                        : LEAP_NONE;
    view->stratum = truth->config->time.stratum;
    view->reference_id = truth->config->time.reference_id_word;
    view->unkept = truth->config->role == SERVE_KE &&
                   !(verdict.good && verdict.error_s * 1e3 < truth->config->time.max_error_ms);
    if (truth->config->time.source != TIME_SYSTEM)
        return;
    view->error_s = verdict.error_s;
    view->unsynchronised = !verdict.good;
    view->marked = verdict.marked;
}

static void look_at_chronyd(struct truth *truth, uint64_t now_ns, struct truth_view *view)
{
    const struct chronyd *chronyd = &truth->chronyd;
    const struct chrony_tracking *said = &chronyd->said;

    if (chronyd->heard_ns == 0) {
        view->stale = true;
        view->error_s = INFINITY;
        return;
    }
    const uint64_t age_ns = now_ns - chronyd->heard_ns;
    if (!truth->has_updated) // the first that it says after a step: from before, perhaps
        truth->updated = said->reference_time;
    truth->has_updated = true;
    if (llabs((int64_t)(said->reference_time - truth->updated)) > SAME_UPDATE)
        truth->unconfirmed = false;

    view->has_offset = true;
    view->offset_s = said->correction_s;
    view->offset_age_s = (double)age_ns / NS_PER_S;
    view->leap = said->leap == LEAP_UNKNOWN ? LEAP_NONE : said->leap;
    view->stratum = said->stratum;
    view->reference_id = said->reference_id;
    view->reference_time = said->reference_time;
    view->delay_s = said->root_delay_s;
    // Its own server serves its own time. Ours is the system's, from which that still differs.
    view->error_s = said->root_dispersion_s + fabs(said->correction_s) + view->offset_age_s * PHI;
    view->unconfirmed = truth->unconfirmed;
    view->contradicted = fabs(said->correction_s) * 1e3 >= truth->config->time.max_error_ms;
    view->stale = age_ns > truth->config->time.stale_after_ms * MS_NS;
    view->unsynchronised =
        said->leap == LEAP_UNKNOWN || said->stratum == 0 || said->stratum > STRATUM_MAX;
}

// The kernel says when there will be a leap second, and how far TAI is ahead of UTC.
static void look_at_phc(struct truth *truth, const struct truth_kernel *kernel, uint64_t now_ns,
                        struct truth_view *view)
{
    const struct config *config = truth->config;
    const int ahead_s = config->time.phc_timescale == TIMESCALE_TAI ? kernel->now.tai : 0;
    struct phc_word word;
    double unsure_s;

    if (!phc_last(truth->phc, &word) || word.read_ns == 0) {
        view->stale = true;
        view->error_s = INFINITY;
        return;
    }
    // Read behind the step, or while it was noticed at the latest.
    if (word.read_ns > truth->stepped_ns)
        truth->unconfirmed = false;
    const uint64_t age_ns = now_ns > word.read_ns ? now_ns - word.read_ns : 0;
    view->has_offset = true;
    view->offset_s = phc_offset_s(&word.reading, ahead_s, &unsure_s);
    view->offset_age_s = (double)age_ns / NS_PER_S;
    unsure_s += (double)config->time.phc_accuracy_ns / NS_PER_S;
    view->error_s = fabs(view->offset_s) + unsure_s + view->offset_age_s * PHI;
    view->unconfirmed = truth->unconfirmed;
    view->contradicted =
        fabs(view->offset_s) - unsure_s > (double)config->time.phc_limit_ns / NS_PER_S;
    view->stale = age_ns > config->time.stale_after_ms * MS_NS;
}

void truth_look(struct truth *truth, const struct truth_kernel *kernel, uint64_t now_ns,
                struct truth_view *view)
{
    *view = (struct truth_view){0};
    if (truth->config->time.source == TIME_CHRONYD) {
        look_at_chronyd(truth, now_ns, view);
        return;
    }
    look_at_kernel(truth, kernel, now_ns, view);
    if (truth->config->time.source == TIME_PHC)
        look_at_phc(truth, kernel, now_ns, view);
}

// TAI is ahead of UTC by some tens of seconds; a difference of that size has one cause.
static const char *hint_at_tai(const struct truth *truth, double offset_s)
{
    const bool looks_so = fabs(offset_s) > 25 && fabs(offset_s) < 60;

    if (!looks_so)
        return "";
    return truth->config->time.phc_timescale == TIMESCALE_TAI
               ? "; the kernel must know TAI - UTC (chronyd: leapsectz right/UTC), or set "
                 "time.phc_timescale: utc"
               : "; if it keeps TAI, set time.phc_timescale: tai";
}

static void explain_phc(const struct truth *truth, const struct truth_view *view,
                        enum health_reason reason, char *text, size_t len)
{
    const char *at = truth->config->time.phc;

    if (reason == HEALTH_CONTRADICTED)
        snprintf(text, len, "%s and the system clock differ by %.9f s, time.phc_limit is %.9f s%s",
                 at, view->offset_s, truth->config->time.phc_limit_ns / 1e9,
                 hint_at_tai(truth, view->offset_s));
    else
        snprintf(text, len, "%s could not be read for %.0f s; is its device still there?", at,
                 view->has_offset ? view->offset_age_s : 0);
}

static void explain_error(const struct truth *truth, const struct truth_view *view, double error_s,
                          char *text, size_t len)
{
    snprintf(text, len,
             "the system clock is not synchronised: it may be wrong by %.3f s, time.max_error is "
             "%.3f s%s",
             error_s, truth->config->time.max_error_ms / 1e3,
             view->marked ? "; its program must tell the kernel that it keeps it " ADD_RTCSYNC
                          : "");
}

void truth_explain(const struct truth *truth, const struct truth_view *view,
                   enum health_reason reason, double error_s, char *text, size_t len)
{
    const struct config *config = truth->config;
    const char *at = config->time.chronyd.text;

    if (config->time.source == TIME_PHC &&
        (reason == HEALTH_CONTRADICTED || reason == HEALTH_STALE)) {
        explain_phc(truth, view, reason, text, len);
        return;
    }
    switch (reason) {
    case HEALTH_GOOD:
        snprintf(text, len, "the system clock is synchronised now");
        break;
    case HEALTH_STEPPED:
        snprintf(text, len,
                 view->unconfirmed
                     ? "the system clock was stepped, and its source has not measured it since"
                     : "the system clock was stepped, and is measured anew");
        break;
    case HEALTH_CONTRADICTED:
        snprintf(text, len,
                 "chronyd finds the system clock wrong by %.6f s, time.max_error is %.3f s",
                 view->offset_s, config->time.max_error_ms / 1e3);
        break;
    case HEALTH_STALE:
        if (view->has_offset)
            snprintf(text, len, "chronyd has not answered at %s for %.0f s", at,
                     view->offset_age_s);
        else
            snprintf(text, len,
                     "chronyd does not answer at %s (time.chronyd); it must run in this network "
                     "namespace, with `cmdport` in chrony.conf as it is by default",
                     at);
        break;
    case HEALTH_UNSYNCHRONISED:
        if (config->time.source == TIME_CHRONYD)
            snprintf(text, len, "chronyd is not synchronised; `chronyc sources` shows why");
        else
            explain_error(truth, view, error_s, text, len);
        break;
    case HEALTH_ERROR:
    case HEALTH_REASONS:
        explain_error(truth, view, error_s, text, len);
        break;
    }
}
