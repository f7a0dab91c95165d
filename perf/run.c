// The common part of all loads: which servers are permitted, the sequence of trials, the output of
// the result.
#include "perf/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Atomic bool run_must_stop;

int run_find_server(const struct plan *plan, struct sockaddr_storage *address)
{
    char why[256], text[TARGET_TEXT_LEN];
    int family = plan->family_4 ? AF_INET : plan->family_6 ? AF_INET6 : AF_UNSPEC;
    if (target_resolve(plan->server, family, plan->udp_port ? plan->udp_port : 123, address, why)) {
        fprintf(stderr, "ntsperf: %s\n", why);
        return -1;
    }
    if (plan->own_server || target_is_near(address))
        return 0;
    fprintf(stderr,
            "ntsperf: %s (%s) is neither local nor private nor on a network of this machine; if it "
            "is your server, give --i-own-this-server\n",
            plan->server, target_text(address, text));
    return -1;
}

static void show_step(void *with, const struct outcome_step *step)
{
    const struct result *result = with;
    bool shown = (!result->plan->json.wanted || result->plan->json.file) &&
                 (!result->plan->csv.wanted || result->plan->csv.file);
    if (!shown)
        return;
    if (result->search->n_steps == 1)
        result_write_step_head(stdout);
    result_write_step(step, stdout);
    fflush(stdout);
}

// Wraps the trial of a search, so that no trial starts after a signal.
struct kept {
    struct search *search;
    struct result *result;
    int (*trial)(void *with, double rate, uint64_t duration_ns, struct outcome *outcome);
    void *with;
};

static int trial_unless_stopped(void *with, double rate, uint64_t duration_ns,
                                struct outcome *outcome)
{
    struct kept *kept = with;
    if (run_must_stop)
        return -ECANCELED;
    int fault = kept->trial(kept->with, rate, duration_ns, outcome);
    if (!fault && kept->result->plan->search && outcome->span_s > 0 && run_must_stop)
        outcome->met = false; // an incomplete trial proves nothing
    return fault;
}

static void tried(void *with, const struct outcome_step *step)
{
    struct kept *kept = with;
    show_step(kept->result, step);
}

static int run_one(struct search *search, const struct plan *plan, struct outcome *outcome)
{
    return search->trial(search->with, plan->ramp.from > 0 ? plan->ramp.to : plan->rate,
                         plan->duration_ns, outcome);
}

int run_trials(struct search *search, struct result *result)
{
    const struct plan *plan = result->plan;
    int fault = 0;
    if (plan->search || plan->step.from > 0) {
        struct kept kept = {search, result, search->trial, search->with};
        result->search = search;
        search->trial = trial_unless_stopped;
        search->tried = tried;
        search->with = &kept;
        struct mlr_goal goal = search_goal(plan->loss <= 1 ? plan->loss : 1, plan->duration_ns);
        fault = plan->search ? search_highest(search, &goal, plan->rate, plan->max_rate)
                             : search_stairs(search, &plan->step, plan->duration_ns);
        search->trial = kept.trial;
        search->with = kept.with;
        if (fault == -ECANCELED && search->n_steps > 0)
            fault = 0;
        result->outcome = search->best ? search->best : search->last;
    } else {
        search->last = outcome_new();
        fault = search->last ? run_one(search, plan, search->last) : -ENOMEM;
        result->outcome = search->last;
    }
    result->stopped = run_must_stop;
    return result->outcome ? fault : fault ? fault : -ENOMEM;
}

static int write_to(const char *file, const struct result *result,
                    void (*write)(const struct result *, FILE *))
{
    FILE *out = file ? fopen(file, "w") : stdout;
    if (!out) {
        fprintf(stderr, "ntsperf: %s: %s; give a file that is writable\n", file, strerror(errno));
        return -1;
    }
    write(result, out);
    bool bad = ferror(out) || fflush(out) != 0;
    if (file)
        bad |= fclose(out) != 0;
    if (bad)
        fprintf(stderr, "ntsperf: %s: cannot write the result: %s\n", file ? file : "stdout",
                strerror(errno));
    return bad ? -1 : 0;
}

int run_report(const struct result *result)
{
    const struct plan *plan = result->plan;
    bool json_here = plan->json.wanted && !plan->json.file;
    bool csv_here = plan->csv.wanted && !plan->csv.file;
    int fault = 0;
    if (plan->json.wanted)
        fault |= write_to(plan->json.file, result, result_write_json);
    if (plan->csv.wanted)
        fault |= write_to(plan->csv.file, result, result_write_csv);
    if (!json_here && !csv_here)
        fault |= write_to(NULL, result, result_write_text);
    return fault ? EXIT_FAILURE : result_status(result);
}
