#include "perf/outcome.h"

#include "perf/ke/ke_load.h"
#include "perf/words.h"

#include <stdio.h>
#include <stdlib.h>

// Above these limits the tester, not the server, limited the result.
#define SENT_LATE_SHARE 0.01
#define HEADROOM_LEAST 0.03
// Below this share of the wanted rate, the rate was not applied.
#define APPLIED_LEAST 0.97
#define LATE_MOST 0.1

struct outcome *outcome_new(void)
{
    struct outcome *outcome = calloc(1, sizeof *outcome);
    if (outcome)
        outcome->server_cpu_s = -1;
    return outcome;
}

void outcome_free(struct outcome *outcome)
{
    if (outcome)
        ke_load_free(outcome->ke);
    free(outcome);
}

// Sums up all flows; o->total has the honest flows only.
static uint64_t count_all(const struct outcome *o, enum tally_item item)
{
    uint64_t n = o->total.count[item];
    for (unsigned i = 0; i < o->n_flows; i++)
        n += flow_rows[o->flow[i].kind].honest ? 0 : o->flow[i].tally.count[item];
    return n;
}

static void say_limit(struct outcome *o)
{
    double sent = (double)count_all(o, TALLY_SENT);
    double late = sent == 0 ? 0 : (double)o->self.sent_late / sent;
    uint64_t behind = count_all(o, TALLY_UNSENT_BEHIND);
    uint64_t open = o->total.count[TALLY_UNSENT_OPEN];
    uint64_t not_taken = count_all(o, TALLY_UNSENT_PATH);
    char text[WORDS_LEN];
    o->tester_was_limit = true;
    o->why[0] = '\0';
    if (o->self.missed > 0)
        snprintf(o->why, sizeof o->why, "%llu replies were dropped on this side",
                 (unsigned long long)o->self.missed);
    else if (open > 0)
        snprintf(o->why, sizeof o->why, "%llu sessions could not begin; raise --open",
                 (unsigned long long)open);
    else if (o->self.blocked_ns > o->self.span_ns / 10)
        snprintf(o->why, sizeof o->why,
                 "the kernel or the port was full for %s: it sends more slowly than the tester",
                 words_of_ns((double)o->self.blocked_ns, text));
    else if (not_taken > 0)
        snprintf(o->why, sizeof o->why, "the kernel or the port did not accept %llu requests",
                 (unsigned long long)not_taken);
    else if (late > SENT_LATE_SHARE && o->self.stalled_ns > o->self.span_ns / 50)
        snprintf(o->why, sizeof o->why, "other tasks had its CPU for %s in total",
                 words_of_ns((double)o->self.stalled_ns, text));
    else if (behind > 0 || late > SENT_LATE_SHARE)
        snprintf(o->why, sizeof o->why, "%s of its requests left late or not at all",
                 words_of_share((sent * late + (double)behind) / (sent + (double)behind), text));
    else if (o->headroom < HEADROOM_LEAST)
        snprintf(o->why, sizeof o->why, "its core was always busy");
    else
        o->tester_was_limit = false;
}

// The requests that decide the result: the victims if there are any, else all.
static const struct tally *judged(const struct outcome *o)
{
    for (unsigned i = 0; i < o->n_flows; i++)
        if (o->flow[i].kind == FLOW_VICTIM)
            return &o->flow[i].tally;
    return &o->total;
}

static double unanswered(const struct tally *tally)
{
    const uint64_t *count = tally->count;
    uint64_t over = count[TALLY_SENT] - count[TALLY_OPEN];
    return over == 0 ? 0 : (double)(over - count[TALLY_ANSWERED]) / (double)over;
}

// Whether the tester really sent at the wanted rate. A load skips requests that it cannot send in
// time; key exchanges start late instead.
static bool is_applied(const struct outcome *o)
{
    double sent = (double)count_all(o, TALLY_SENT);
    double unsent = (double)(count_all(o, TALLY_UNSENT_BEHIND) + count_all(o, TALLY_UNSENT_PATH) +
                             o->total.count[TALLY_UNSENT_OPEN]);
    bool late = o->ke && (double)o->self.sent_late > LATE_MOST * sent;
    return !late && unsent <= (1 - APPLIED_LEAST) * (sent + unsent) &&
           (double)o->total.count[TALLY_SENT] >= APPLIED_LEAST * o->asked;
}

void outcome_judge(struct outcome *o, const struct plan *plan)
{
    const struct tally *tally = judged(o);
    o->loss = tally_loss(tally);
    if (o->self.span_ns > 0)
        o->headroom = (double)o->self.idle_ns / (double)o->self.span_ns;
    say_limit(o);
    o->applied = is_applied(o);
    o->met_loss = plan->loss > 1 || unanswered(tally) <= plan->loss;
    o->met_p99 = plan->p99_ns == 0 || histogram_quantile(&tally->latency, 0.99) <= plan->p99_ns;
    o->met = tally->count[TALLY_ANSWERED] > 0 && (o->applied || !plan->search) && o->met_loss &&
             o->met_p99;
}

struct outcome_quantiles outcome_quantiles_of(const struct histogram *h)
{
    return (struct outcome_quantiles){
        .min = h->n == 0 ? 0 : h->min,
        .mean = (uint64_t)histogram_mean(h),
        .p50 = histogram_quantile(h, 0.5),
        .p90 = histogram_quantile(h, 0.9),
        .p99 = histogram_quantile(h, 0.99),
        .p999 = histogram_quantile(h, 0.999),
        .p9999 = histogram_quantile(h, 0.9999),
        .p99999 = histogram_quantile(h, 0.99999),
        .max = h->max,
    };
}

struct outcome_step outcome_step_of(const struct outcome *o)
{
    const uint64_t *count = o->total.count;
    return (struct outcome_step){
        .rate = o->rate,
        .answered_rate = o->span_s > 0 ? (double)count[TALLY_ANSWERED] / o->span_s : 0,
        .loss = o->loss,
        .headroom = o->headroom,
        .sent = count[TALLY_SENT],
        .answered = count[TALLY_ANSWERED],
        .lost = count[TALLY_LOST] + count[TALLY_LATE],
        .wrong = tally_sum(&o->total, TALLY_OF_WRONG),
        .latency = outcome_quantiles_of(&o->total.latency),
        .met = o->met,
        .tester_was_limit = o->tester_was_limit,
    };
}
