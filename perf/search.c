#include "perf/search.h"

#include <errno.h>

#define SECOND 1e9

// Runs a trial and keeps its outcome. Only a trial of full length can be the best.
static int try(struct search *search, double rate, uint64_t duration_ns, bool full)
{
    if (search->n_steps == STEPS_MAX)
        return -E2BIG;
    struct outcome *outcome = outcome_new();
    if (!outcome)
        return -ENOMEM;
    int fault = search->trial(search->with, rate, duration_ns, outcome);
    if (fault) {
        outcome_free(outcome);
        return fault;
    }
    struct outcome_step *step = &search->step[search->n_steps++];
    *step = outcome_step_of(outcome);
    step->duration_s = (double)duration_ns / SECOND;
    search->tried(search->with, step);
    if (full && outcome->met && (!search->best || outcome->rate > search->best->rate)) {
        outcome_free(search->best);
        search->best = outcome;
    } else {
        outcome_free(search->last);
        search->last = outcome;
    }
    return 0;
}

struct mlr_goal search_goal(double loss_ratio, uint64_t duration_ns)
{
    double full = (double)duration_ns / SECOND;
    return (struct mlr_goal){
        .loss_ratio = loss_ratio,
        .initial_s = full >= 4 ? 1 : full,
        .final_s = full,
        .sum_s = 2 * full,
        .exceed_ratio = 0.5,
        .width = 0.02,
    };
}

// Whether the tester was the limit in the last trial of a rate.
static bool was_tester_limit(const struct search *search, double rate)
{
    for (uint32_t i = search->n_steps; i-- > 0;)
        if (search->step[i].rate == rate)
            return search->step[i].tester_was_limit;
    return false;
}

int search_highest(struct search *search, const struct mlr_goal *goal, double first, double highest)
{
    double rate, duration_s;
    int fault = 0;
    mlr_start(&search->mlr, goal, first, highest);
    while (!fault && mlr_next(&search->mlr, &rate, &duration_s)) {
        fault =
            try(search, rate, (uint64_t)(duration_s * SECOND + 0.5), duration_s >= goal->final_s);
        if (fault)
            break;
        const struct outcome_step *step = &search->step[search->n_steps - 1];
        mlr_note(&search->mlr, rate, duration_s, step->loss, !step->met);
    }
    search->bad = mlr_upper_bound(&search->mlr);
    search->tester_was_limit = search->bad > 0 && was_tester_limit(search, search->bad);
    return fault;
}

int search_stairs(struct search *search, const struct steps *stairs, uint64_t duration_ns)
{
    int fault = 0;
    for (double rate = stairs->from; rate <= stairs->to * 1.000001 && !fault;
         rate = stairs->factor > 0 ? rate * stairs->factor : rate + stairs->add)
        fault = try(search, rate, duration_ns, true);
    return fault == -E2BIG ? 0 : fault;
}
