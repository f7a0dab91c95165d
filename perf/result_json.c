// The result as JSON. Names are stable: ntsperf(1) documents them.
#include "perf/ke/ke_load.h"
#include "perf/profile.h"
#include "perf/result.h"

#include <jansson.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static json_t *count(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static void set(json_t *object, const char *name, json_t *value)
{
    json_object_set_new(object, name, value);
}

static json_t *quantiles(const struct outcome_quantiles *q)
{
    json_t *o = json_object();
    const struct {
        const char *name;
        uint64_t value;
    } list[] = {{"min", q->min},      {"mean", q->mean},      {"p50", q->p50},
                {"p90", q->p90},      {"p99", q->p99},        {"p99.9", q->p999},
                {"p99.99", q->p9999}, {"p99.999", q->p99999}, {"max", q->max}};
    for (unsigned i = 0; i < sizeof list / sizeof *list; i++)
        set(o, list[i].name, count(list[i].value));
    return o;
}

static json_t *durations(const struct histogram *h)
{
    struct outcome_quantiles q = outcome_quantiles_of(h);
    return quantiles(&q);
}

static json_t *offsets(const struct spread *spread)
{
    if (spread_n(spread) == 0)
        return json_null();
    return json_pack("{s:f, s:f, s:I, s:I, s:I, s:I, s:I}", "mean", spread->mean, "stddev",
                     spread_deviation(spread), "min", (json_int_t)spread_quantile(spread, 0), "p1",
                     (json_int_t)spread_quantile(spread, 0.01), "p50",
                     (json_int_t)spread_quantile(spread, 0.5), "p99",
                     (json_int_t)spread_quantile(spread, 0.99), "max",
                     (json_int_t)spread_quantile(spread, 1));
}

static json_t *ends_and_quantiles(const struct spread *spread)
{
    if (spread_n(spread) == 0)
        return json_null();
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "min", (json_int_t)spread_min(spread), "p0.01",
        (json_int_t)spread_quantile(spread, 0.0001), "p1",
        (json_int_t)spread_quantile(spread, 0.01), "p50", (json_int_t)spread_quantile(spread, 0.5),
        "p99", (json_int_t)spread_quantile(spread, 0.99), "p99.99",
        (json_int_t)spread_quantile(spread, 0.9999), "max", (json_int_t)spread_max(spread));
}

static json_t *worst(const struct same_clock *s)
{
    if (s->worst_ns == 0)
        return json_null();
    return json_pack("{s:s, s:I, s:f}", "error", same_clock_rows[s->worst].name, "ns",
                     (json_int_t)s->worst_ns, "t", (double)s->worst_at_ns / 1e9);
}

static json_t *same_clock(const struct same_clock *s)
{
    json_t *o = json_pack("{s:I, s:I}", "judged", (json_int_t)s->judged, "unjudged",
                          (json_int_t)s->unjudged);
    for (unsigned i = 0; i < SAME_CLOCK_ERRORS; i++)
        set(o, same_clock_rows[i].name, count(s->errors[i]));
    set(o, "contained", s->judged == 0 ? json_null() : json_real(same_clock_contained(s)));
    set(o, "uncovered", count(s->uncovered));
    set(o, "beyond_half_delay", count(s->beyond_half_delay));
    set(o, "worst", worst(s));
    set(o, "receive_error_ns", ends_and_quantiles(&s->receive));
    set(o, "transmit_error_ns", ends_and_quantiles(&s->transmit));
    set(o, "offset_ns", s->judged == 0 ? json_null() : durations(&s->offset));
    return o;
}

static json_t *group(const struct tally *tally, enum tally_group of)
{
    json_t *o = json_object();
    for (unsigned i = 0; i < TALLY_ITEMS; i++)
        if (tally_rows[i].group == of)
            set(o, tally_rows[i].name, count(tally->count[i]));
    return o;
}

// The counters of a tally, for the top of a run and for each flow.
static void set_tally(json_t *o, const struct tally *tally)
{
    for (unsigned i = 0; i < TALLY_ITEMS; i++)
        if (tally_rows[i].group == TALLY_OF_REQUESTS && i != TALLY_COOKIES)
            set(o, tally_rows[i].name, count(tally->count[i]));
    set(o, "cookies_received", count(tally->count[TALLY_COOKIES]));
    set(o, "kiss", count(tally_sum(tally, TALLY_OF_KISSES)));
    set(o, "kiss_codes", group(tally, TALLY_OF_KISSES));
    set(o, "wrong", count(tally_sum(tally, TALLY_OF_WRONG)));
    set(o, "wrong_kinds", group(tally, TALLY_OF_WRONG));
    set(o, "not_sent", count(tally_sum(tally, TALLY_OF_UNSENT)));
    set(o, "not_sent_kinds", group(tally, TALLY_OF_UNSENT));
    set(o, "latency_ns", durations(&tally->latency));
}

static json_t *time_text(uint64_t ns)
{
    char text[32];
    time_t seconds = (time_t)(ns / 1000000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return json_string(text);
}

static json_t *machine(void)
{
    char line[256], cpu[128] = "";
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && cpu[0] == '\0' && fgets(line, sizeof line, file))
        if (strncmp(line, "model name", 10) == 0)
            sscanf(line, "%*[^:]: %127[^\n]", cpu);
    if (file)
        fclose(file);
    struct utsname system;
    uname(&system);
    char kernel[160];
    snprintf(kernel, sizeof kernel, "%s %s", system.sysname, system.release);
    return json_pack("{s:s, s:I, s:s}", "cpu", cpu, "cpus",
                     (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "kernel", kernel);
}

static json_t *command_line(const struct plan *plan)
{
    char text[2048] = "ntsperf";
    size_t at = strlen(text);
    for (int i = 0; i < plan->argc && at < sizeof text - 1; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, " %s", plan->argv[i]);
    return json_string(text);
}

static json_t *plan_of(const struct plan *plan)
{
    json_t *o = json_pack("{s:f, s:f, s:s, s:f, s:I}", "rate", plan->rate, "duration_s",
                          (double)plan->duration_ns / 1e9, "spacing",
                          plan->poisson ? "poisson" : "fixed", "timeout_s",
                          (double)plan->timeout_ns / 1e9, "clients", (json_int_t)plan->clients);
    if (plan->placeholders == LOAD_AUTO)
        set(o, "placeholders", json_string("auto"));
    else
        set(o, "placeholders", json_integer(plan->placeholders));
    set(o, "bunch", json_integer(plan->bunch));
    set(o, "verify", json_sprintf("1/%u", plan->verify));
    set(o, "reuse", json_boolean(plan->reuse));
    set(o, "interleaved", json_boolean(plan->interleaved));
    set(o, "same_clock", json_boolean(plan->same_clock));
    set(o, "search", json_boolean(plan->search));
    return o;
}

// Which mix it was, so that nobody compares results of two mixes of one name.
static json_t *profile(const char *name)
{
    char hash[PROFILE_HASH_LEN];
    if (!name)
        return json_null();
    return json_pack("{s:s, s:s}", "name", name, "sha256", profile_hash(name, hash));
}

static json_t *manifest(const struct result *r)
{
    json_t *o = json_object();
    set(o, "ntsperf", json_string(NOONMARK_VERSION));
    set(o, "mode", json_string(command_names[r->plan->command]));
    set(o, "command", command_line(r->plan));
    set(o, "started", time_text(r->started_ns));
    set(o, "ended", time_text(r->ended_ns));
    set(o, "machine", machine());
    set(o, "crypto", json_string(r->crypto));
    set(o, "path",
        r->plan->device ? json_sprintf("%s %s", r->path, r->plan->device) : json_string(r->path));
    json_t *target = json_pack("{s:s, s:s, s:I}", "name", r->plan->server, "server", r->server,
                               "udp_port", (json_int_t)r->udp_port);
    if (r->plan->command != COMMAND_NTP)
        set(target, "ke_port", json_integer(r->plan->ke_port));
    if (r->aead != 0) {
        set(target, "aead", json_integer(r->aead));
        set(target, "cookie_len", json_integer(r->cookie_len));
    }
    set(o, "target", target);
    set(o, "plan", plan_of(r->plan));
    set(o, "profile", profile(r->plan->profile));
    set(o, "stopped", json_boolean(r->stopped));
    return o;
}

static json_t *histogram(const struct histogram *h)
{
    json_t *a = json_array();
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        if (h->bucket[i] > 0)
            json_array_append_new(a, json_pack("[I, I]", (json_int_t)histogram_bucket_top(i),
                                               (json_int_t)h->bucket[i]));
    return a;
}

static json_t *series(const struct outcome *o)
{
    json_t *a = json_array();
    for (uint32_t i = 0; i < o->n_rows; i++) {
        const struct load_row *row = &o->row[i];
        json_array_append_new(a,
                              json_pack("{s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I}", "t", row->at_s,
                                        "span", row->span_s, "sent", (json_int_t)row->sent,
                                        "answered", (json_int_t)row->answered, "lost",
                                        (json_int_t)row->lost, "wrong", (json_int_t)row->wrong,
                                        "p50", (json_int_t)row->p50, "p99", (json_int_t)row->p99));
    }
    return a;
}

static json_t *steps(const struct search *search)
{
    json_t *a = json_array();
    for (uint32_t i = 0; search && i < search->n_steps; i++) {
        const struct outcome_step *s = &search->step[i];
        json_array_append_new(
            a, json_pack("{s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:f, s:f, s:b, s:b, s:o}", "rate",
                         s->rate, "duration_s", s->duration_s, "answered_rate", s->answered_rate,
                         "sent", (json_int_t)s->sent, "answered", (json_int_t)s->answered, "lost",
                         (json_int_t)s->lost, "wrong", (json_int_t)s->wrong, "loss", s->loss,
                         "headroom", s->headroom, "met", s->met, "tester_limit",
                         s->tester_was_limit, "latency_ns", quantiles(&s->latency)));
    }
    return a;
}

// The goal of a search; durations in seconds.
static json_t *goal(const struct mlr_goal *g)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "loss_ratio", g->loss_ratio,
                     "initial_trial_duration", g->initial_s, "final_trial_duration", g->final_s,
                     "duration_sum", g->sum_s, "exceed_ratio", g->exceed_ratio, "width", g->width);
}

static json_t *bound(double rate)
{
    return rate > 0 ? json_real(rate) : json_null();
}

static json_t *bounds(const struct mlr *mlr)
{
    return json_pack("{s:o, s:o, s:o}", "relevant_lower", bound(mlr_lower_bound(mlr)),
                     "relevant_upper", bound(mlr_upper_bound(mlr)), "conditional_throughput",
                     bound(mlr_conditional_throughput(mlr)));
}

static json_t *flows(const struct outcome *o)
{
    json_t *a = json_array();
    for (uint32_t i = 0; i < o->n_flows; i++) {
        json_t *flow = json_object();
        set(flow, "name", json_string(flow_rows[o->flow[i].kind].name));
        static const char *const hopes[] = {
            [HOPE_TIME] = "time", [HOPE_NAK] = "nak", [HOPE_NOTHING] = "nothing"};
        set(flow, "expects", json_string(hopes[flow_rows[o->flow[i].kind].hope]));
        set(flow, "honest", json_boolean(flow_rows[o->flow[i].kind].honest));
        set(flow, "loss", json_real(tally_loss(&o->flow[i].tally)));
        set_tally(flow, &o->flow[i].tally);
        json_array_append_new(a, flow);
    }
    return a;
}

static json_t *objective(const struct result *r)
{
    const struct plan *plan = r->plan;
    if (plan->loss > 1 && plan->p99_ns == 0)
        return json_null();
    json_t *o = json_object();
    if (plan->loss <= 1)
        set(o, "loss", json_real(plan->loss));
    if (plan->p99_ns != 0)
        set(o, "p99_ns", count(plan->p99_ns));
    set(o, "met", json_boolean(r->outcome->met));
    return o;
}

static json_t *tester(const struct result *r)
{
    const struct outcome *o = r->outcome;
    return json_pack("{s:b, s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:I}", "limit", o->tester_was_limit,
                     "why", o->why, "missed", (json_int_t)o->self.missed, "sent_late",
                     (json_int_t)o->self.sent_late, "stalls", (json_int_t)o->self.stalls,
                     "stalled_s", (double)o->self.stalled_ns / 1e9, "blocked_s",
                     (double)o->self.blocked_ns / 1e9, "cpu_s", o->own_cpu_s, "refused",
                     (json_int_t)r->refused);
}

static json_t *server_cpu(const struct result *r)
{
    const struct outcome *o = r->outcome;
    if (o->server_cpu_s < 0)
        return json_null();
    double replies = (double)o->total.count[TALLY_ANSWERED];
    return json_pack("{s:I, s:f, s:f}", "pid", (json_int_t)r->plan->pid, "seconds", o->server_cpu_s,
                     "us_per_reply", replies > 0 ? o->server_cpu_s * 1e6 / replies : 0.0);
}

static json_t *storm(const struct load_storm *storm)
{
    return json_pack("{s:I, s:I, s:f, s:o}", "clients", (json_int_t)storm->struck, "recovered",
                     (json_int_t)storm->recovered, "recovery_s", (double)storm->needed.max / 1e9,
                     "needed_ns", durations(&storm->needed));
}

static json_t *ke(const struct outcome *o)
{
    const struct ke_load_result *r = o->ke;
    json_t *failures = json_object();
    for (unsigned i = KE_OUTCOME_FIRST_FAILURE; i < KE_OUTCOME_COUNT; i++)
        set(failures, ke_outcome_text[i].name, count(r->outcome[i]));
    json_t *slow = json_pack("{s:I, s:I, s:I, s:I, s:f}", "begun", (json_int_t)r->slow_begun, "cut",
                             (json_int_t)r->slow_cut, "held", (json_int_t)r->slow_held, "failed",
                             (json_int_t)r->slow_failed, "cut_after_s",
                             (double)histogram_quantile(&r->slow_cut_after, 0.5) / 1e9);
    return json_pack("{s:I, s:I, s:I, s:I, s:o, s:s, s:I, s:f, s:o, s:o, s:o}", "started",
                     (json_int_t)r->started, "granted", (json_int_t)r->granted, "aborted",
                     (json_int_t)r->aborted, "failed", (json_int_t)r->failed, "failures", failures,
                     "first_failure", o->failure, "peak_open", (json_int_t)r->peak_open, "cpu_s",
                     r->cpu_s, "connect_ns", durations(&r->connect), "handshake_ns",
                     durations(&r->handshake), "slow", slow);
}

void result_write_json(const struct result *r, FILE *out)
{
    const struct outcome *o = r->outcome;
    json_t *top = json_object();
    set(top, "manifest", manifest(r));
    set_tally(top, &o->total);
    double sent = (double)o->total.count[TALLY_SENT];
    bool found = r->search && r->plan->search;
    double best = r->search && r->search->best ? r->search->best->rate : 0;
    set(top, "rate", json_real(found ? best : o->span_s > 0 ? sent / o->span_s : 0));
    set(top, "answered_rate", json_real(outcome_step_of(o).answered_rate));
    set(top, "span_s", json_real(o->span_s));
    set(top, "loss", json_real(o->loss));
    set(top, "processing_ns", durations(&o->total.processing));
    set(top, "offset_ns", offsets(&o->total.offset));
    set(top, "headroom", json_real(o->headroom));
    set(top, "tester", tester(r));
    set(top, "server_cpu", server_cpu(r));
    set(top, "objective", objective(r));
    set(top, "sessions",
        json_pack("{s:I, s:I, s:I}", "granted", (json_int_t)r->sessions, "failed",
                  (json_int_t)r->sessions_failed, "renewed", (json_int_t)r->renewed));
    set(top, "histogram_ns", histogram(&o->total.latency));
    set(top, "series", series(o));
    set(top, "steps", steps(r->search));
    if (found) {
        set(top, "goal", goal(&r->search->mlr.goal));
        set(top, "bounds", bounds(&r->search->mlr));
    }
    set(top, "flows", flows(o));
    if (r->plan->same_clock)
        set(top, "same_clock", same_clock(&o->same_clock));
    if (o->storm.at_ns != 0)
        set(top, "storm", storm(&o->storm));
    if (o->ke)
        set(top, "ke", ke(o));
    json_dumpf(top, out, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    fputc('\n', out);
    json_decref(top);
}
