// The summary for people.
#include "perf/ke/ke_load.h"
#include "perf/result.h"

#include "perf/words.h"

#include <stdarg.h>
#include <stdlib.h>

__attribute__((format(printf, 3, 4))) static void line(FILE *out, const char *name,
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(out, "%-12s ", name);
    vfprintf(out, format, arguments);
    fputc('\n', out);
    va_end(arguments);
}

static void write_times(FILE *out, const char *name, const struct histogram *h)
{
    // As in the report: with fewer than ten values beyond it, a percentile is the maximum under
    // another name.
    enum { ENOUGH_FOR_P99999 = 1000000 };
    char t[5][WORDS_LEN], rare[WORDS_LEN + 16] = "", p99999[WORDS_LEN];
    if (h->n == 0)
        return;
    struct outcome_quantiles q = outcome_quantiles_of(h);
    if (h->n >= ENOUGH_FOR_P99999)
        snprintf(rare, sizeof rare, ", p99.999 %s", words_of_ns((double)q.p99999, p99999));
    line(out, name, "p50 %s, p90 %s, p99 %s, p99.9 %s%s, max %s", words_of_ns((double)q.p50, t[0]),
         words_of_ns((double)q.p90, t[1]), words_of_ns((double)q.p99, t[2]),
         words_of_ns((double)q.p999, t[3]), rare, words_of_ns((double)q.max, t[4]));
}

static void write_offset(FILE *out, const struct spread *offset)
{
    char t[4][WORDS_LEN];
    if (spread_n(offset) == 0)
        return;
    line(out, "offset", "median %s, deviation %s, from %s to %s",
         words_of_ns((double)spread_quantile(offset, 0.5), t[0]),
         words_of_ns(spread_deviation(offset), t[1]),
         words_of_ns((double)spread_quantile(offset, 0), t[2]),
         words_of_ns((double)spread_quantile(offset, 1), t[3]));
}

// "name": the counters of a group that are not zero.
static void write_group(FILE *out, const char *name, const struct tally *tally,
                        enum tally_group group)
{
    for (unsigned i = 0; i < TALLY_ITEMS; i++)
        if (tally_rows[i].group == group && tally->count[i] > 0)
            line(out, name, "%llu %s: %s", (unsigned long long)tally->count[i], tally_rows[i].name,
                 tally_rows[i].text);
}

static void write_counts(FILE *out, const struct result *r)
{
    const struct outcome *o = r->outcome;
    const uint64_t *count = o->total.count;
    char t[3][WORDS_LEN];
    double span = o->span_s > 0 ? o->span_s : 1;
    line(out, "sent", "%llu in %s, %s/s", (unsigned long long)count[TALLY_SENT],
         words_of_ns(o->span_s * 1e9, t[0]), words_of_rate((double)count[TALLY_SENT] / span, t[1]));
    line(out, "answered", "%llu, %s/s", (unsigned long long)count[TALLY_ANSWERED],
         words_of_rate((double)count[TALLY_ANSWERED] / span, t[0]));
    if (r->aead != 0 || r->plan->command == COMMAND_KE)
        line(out, "verified", "%llu", (unsigned long long)count[TALLY_VERIFIED]);
    if (r->plan->verify > 1)
        line(out, "",
             "one authenticator in %u was verified; all other checks were made on every reply",
             r->plan->verify);
    if (r->plan->interleaved)
        line(out, "interleaved", "%llu", (unsigned long long)count[TALLY_INTERLEAVED]);
    line(out, "lost", "%llu and %llu late: %s", (unsigned long long)count[TALLY_LOST],
         (unsigned long long)count[TALLY_LATE], words_of_share(o->loss, t[0]));
    if (count[TALLY_NAK] > 0)
        line(out, "NAK", "%llu", (unsigned long long)count[TALLY_NAK]);
    write_group(out, "kiss", &o->total, TALLY_OF_KISSES);
    write_group(out, "WRONG", &o->total, TALLY_OF_WRONG);
    write_group(out, "not sent", &o->total, TALLY_OF_UNSENT);
}

static void write_flows(FILE *out, const struct outcome *o)
{
    if (o->n_flows < 2)
        return;
    fprintf(out, "\n%-12s %12s %12s %12s %10s %10s %10s %12s %10s\n", "flow", "sent", "answered",
            "lost", "NAK", "kiss", "wrong", "loss", "p99");
    for (uint32_t i = 0; i < o->n_flows; i++) {
        const struct tally *t = &o->flow[i].tally;
        char loss[WORDS_LEN], p99[WORDS_LEN];
        bool hopes = flow_rows[o->flow[i].kind].hope == HOPE_TIME;
        fprintf(out, "%-12s %12llu %12llu %12llu %10llu %10llu %10llu %12s %10s\n",
                flow_rows[o->flow[i].kind].name, (unsigned long long)t->count[TALLY_SENT],
                (unsigned long long)t->count[TALLY_ANSWERED],
                (unsigned long long)(t->count[TALLY_LOST] + t->count[TALLY_LATE]),
                (unsigned long long)t->count[TALLY_NAK],
                (unsigned long long)tally_sum(t, TALLY_OF_KISSES),
                (unsigned long long)tally_sum(t, TALLY_OF_WRONG),
                hopes ? words_of_share(tally_loss(t), loss) : "-",
                t->latency.n ? words_of_ns((double)histogram_quantile(&t->latency, 0.99), p99)
                             : "-");
    }
}

static void write_storm(FILE *out, const struct load_storm *storm)
{
    char t[2][WORDS_LEN];
    if (storm->at_ns == 0)
        return;
    line(out, "storm", "%u of %u clients have new keys, half of them after %s, the last after %s",
         storm->recovered, storm->struck,
         words_of_ns((double)histogram_quantile(&storm->needed, 0.5), t[0]),
         words_of_ns((double)storm->needed.max, t[1]));
}

static void write_ends(FILE *out, const char *name, const struct spread *spread)
{
    char t[5][WORDS_LEN];
    line(out, "", "%s: median %s, p0.01 %s, p99.99 %s, from %s to %s", name,
         words_of_ns((double)spread_quantile(spread, 0.5), t[0]),
         words_of_ns((double)spread_quantile(spread, 0.0001), t[1]),
         words_of_ns((double)spread_quantile(spread, 0.9999), t[2]),
         words_of_ns((double)spread_min(spread), t[3]),
         words_of_ns((double)spread_max(spread), t[4]));
}

static void write_same_clock(FILE *out, const struct same_clock *s)
{
    char t[4][WORDS_LEN];
    line(out, "same clock", "%llu exchanges judged, %llu not", (unsigned long long)s->judged,
         (unsigned long long)s->unjudged);
    if (s->judged == 0) {
        line(out, "",
             "no exchange has both kernel timestamps; is sysctl net.core.tstamp_allow_data 1?");
        return;
    }
    double broken = (double)s->broken / (double)s->judged;
    line(out, "", "%llu not contained, %s", (unsigned long long)s->broken,
         words_of_share(broken, t[0]));
    for (unsigned i = 0; i < SAME_CLOCK_ERRORS; i++)
        if (s->errors[i] > 0)
            line(out, "", "%llu %s: %s", (unsigned long long)s->errors[i], same_clock_rows[i].name,
                 same_clock_rows[i].text);
    if (s->uncovered > 0)
        line(out, "", "%llu UNCOVERED: by more than the reply's own root dispersion",
             (unsigned long long)s->uncovered);
    if (s->worst_ns > 0)
        line(out, "", "the worst: %s by %s, at %.3f s", same_clock_rows[s->worst].name,
             words_of_ns((double)s->worst_ns, t[0]), (double)s->worst_at_ns / 1e9);
    if (s->beyond_half_delay > 0)
        line(out, "", "%llu with an offset beyond half the delay and 1 us",
             (unsigned long long)s->beyond_half_delay);
    write_ends(out, "receive - sent", &s->receive);
    write_ends(out, "transmit - arrived", &s->transmit);
    line(out, "", "offset: p50 %s, p99 %s, p99.9 %s, max %s",
         words_of_ns((double)histogram_quantile(&s->offset, 0.5), t[0]),
         words_of_ns((double)histogram_quantile(&s->offset, 0.99), t[1]),
         words_of_ns((double)histogram_quantile(&s->offset, 0.999), t[2]),
         words_of_ns((double)s->offset.max, t[3]));
}

static void write_ke(FILE *out, const struct outcome *o)
{
    const struct ke_load_result *r = o->ke;
    char t[WORDS_LEN];
    if (!r)
        return;
    for (unsigned i = KE_OUTCOME_FIRST_FAILURE; i < KE_OUTCOME_COUNT; i++)
        if (r->outcome[i] > 0)
            line(out, "failed", "%llu %s: %s", (unsigned long long)r->outcome[i],
                 ke_outcome_text[i].name, ke_outcome_text[i].help);
    if (o->failure[0] != '\0')
        line(out, "the first", "%s", o->failure);
    if (r->aborted > 0)
        line(out, "aborted", "%llu, as planned", (unsigned long long)r->aborted);
    if (r->slow_begun > 0)
        line(out, "slow",
             "%llu connections held, %llu closed by the server, half of these after %s",
             (unsigned long long)r->slow_begun, (unsigned long long)r->slow_cut,
             words_of_ns((double)histogram_quantile(&r->slow_cut_after, 0.5), t));
    write_times(out, "connect", &r->connect);
    write_times(out, "handshake", &r->handshake);
    line(out, "client CPU", "%.2f s, %s per session; at most %u sessions were open", r->cpu_s,
         words_of_ns(r->started ? r->cpu_s * 1e9 / (double)r->started : 0, t), r->peak_open);
}

static void write_tester(FILE *out, const struct result *r)
{
    const struct outcome *o = r->outcome;
    char t[2][WORDS_LEN];
    line(out, "tester", "%s of its core's time was idle%s%s", words_of_share(o->headroom, t[0]),
         o->tester_was_limit ? "; THE TESTER WAS THE LIMIT: " : "", o->why);
    if (o->server_cpu_s >= 0 && o->total.count[TALLY_ANSWERED] > 0)
        line(out, "server CPU", "%.2f s of process %u and its children, %s per reply",
             o->server_cpu_s, r->plan->pid,
             words_of_ns(o->server_cpu_s * 1e9 / (double)o->total.count[TALLY_ANSWERED], t[0]));
    if (r->refused > 0)
        line(out, "refused",
             "%llu ICMP errors from the server's host: no process listens on UDP port %u",
             (unsigned long long)r->refused, r->udp_port);
}

static void write_objective(FILE *out, const struct result *r)
{
    const struct plan *plan = r->plan;
    char t[2][WORDS_LEN];
    if (plan->search) {
        const struct outcome *best = r->search->best;
        if (best)
            line(out, "FOUND", "%s/s met the objective; above it %s",
                 words_of_rate(best->rate, t[0]),
                 r->search->tester_was_limit ? "the TESTER was the limit, not the server"
                 : r->search->bad > 0        ? "it was missed"
                                             : "nothing was tried (--max-rate)");
        else
            line(out, "FOUND", "no rate met the objective");
    }
    if (plan->loss <= 1)
        line(out, "objective", "loss at most %s: %s", words_of_share(plan->loss, t[0]),
             r->outcome->met_loss ? "met" : "MISSED");
    if (plan->p99_ns != 0)
        line(out, "objective", "p99 at most %s: %s", words_of_ns((double)plan->p99_ns, t[0]),
             r->outcome->met_p99 ? "met" : "MISSED");
}

void result_write_step_head(FILE *out)
{
    fprintf(out, "%10s %12s %12s %10s %10s %10s %9s\n", "rate", "answered/s", "loss", "p50", "p99",
            "p99.9", "headroom");
}

void result_write_step(const struct outcome_step *s, FILE *out)
{
    char t[7][WORDS_LEN];
    fprintf(out, "%10s %12s %12s %10s %10s %10s %9s  %s%s%s\n", words_of_rate(s->rate, t[0]),
            words_of_rate(s->answered_rate, t[1]), words_of_share(s->loss, t[2]),
            words_of_ns((double)s->latency.p50, t[3]), words_of_ns((double)s->latency.p99, t[4]),
            words_of_ns((double)s->latency.p999, t[5]), words_of_share(s->headroom, t[6]),
            s->met ? "met" : "missed", s->tester_was_limit ? ", the tester was the limit" : "",
            s->wrong > 0 ? ", WRONG REPLIES" : "");
}

void result_write_text(const struct result *r, FILE *out)
{
    const struct outcome *o = r->outcome;
    if (r->search)
        fputc('\n', out);
    line(out, "server", "%s port %u over %s%s%s", r->server, r->udp_port, r->path,
         r->plan->device ? " " : "", r->plan->device ? r->plan->device : "");
    if (r->aead != 0)
        line(out, "NTS", "AEAD %u, cookies of %u octets, %u sessions, %u renewed; checked by %s",
             r->aead, r->cookie_len, r->sessions, r->renewed, r->crypto);
    if (r->plan->profile)
        line(out, "profile", "%s", r->plan->profile);
    write_counts(out, r);
    write_times(out, o->ke ? "first cookie" : "latency", &o->total.latency);
    write_times(out, "processing", &o->total.processing);
    write_offset(out, &o->total.offset);
    if (r->plan->same_clock)
        write_same_clock(out, &o->same_clock);
    write_ke(out, o);
    write_storm(out, &o->storm);
    write_tester(out, r);
    write_objective(out, r);
    write_flows(out, o);
}

int result_status(const struct result *r)
{
    const struct outcome *o = r->outcome;
    bool objective = r->plan->loss <= 1 || r->plan->p99_ns != 0;
    bool wrong = false;
    for (uint32_t i = 0; i < o->n_flows; i++)
        wrong |= tally_sum(&o->flow[i].tally, TALLY_OF_WRONG) > 0;
    wrong |= tally_sum(&o->total, TALLY_OF_WRONG) > 0;
    // A response that violates the RFC is a wrong reply.
    wrong |= o->ke && (o->ke->outcome[KE_OUTCOME_MALFORMED] > 0 ||
                       o->ke->outcome[KE_OUTCOME_ERROR_RECORD] > 0);
    for (uint32_t i = 0; r->search && i < r->search->n_steps; i++)
        wrong |= r->search->step[i].wrong > 0;
    bool none = o->total.count[TALLY_ANSWERED] == 0;
    return wrong || none || (objective && !o->met) ? EXIT_FAILURE : EXIT_SUCCESS;
}
