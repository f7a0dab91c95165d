#include "perf/search.h"

#include <errno.h>
#include <math.h>

// The interval in which the highest rate is known to lie, as a factor, when a search ends.
#define RESOLUTION 1.02

static int try(struct search *search, double rate, bool *met, bool *limit)
{
    if (search->n_steps == SEARCH_STEPS_MAX)
        return -E2BIG;
    struct outcome *outcome = outcome_new();
    if (!outcome)
        return -ENOMEM;
    int fault = search->trial(search->with, rate, outcome);
    if (fault) {
        outcome_free(outcome);
        return fault;
    }
    struct outcome_step *step = &search->step[search->n_steps++];
    *step = outcome_step_of(outcome);
    search->tried(search->with, step);
    *met = outcome->met;
    *limit = outcome->tester_was_limit;
    if (outcome->met && (!search->best || outcome->rate > search->best->rate)) {
        outcome_free(search->best);
        search->best = outcome;
    } else {
        outcome_free(search->last);
        search->last = outcome;
    }
    return 0;
}

// Twice, if it must be: *limit says whether the tester spoilt both.
static int try_again(struct search *search, double rate, bool *met, bool *limit)
{
    int fault = try(search, rate, met, limit);
    if (!fault && !*met)
        fault = try(search, rate, met, limit);
    return fault;
}

int search_highest(struct search *search, double first, double highest)
{
    double good = 0, bad = 0;
    bool met = false, limit = false;
    int fault = 0;
    for (double rate = first; bad == 0 && good < highest; rate = fmin(rate * 2, highest)) {
        if ((fault = try_again(search, rate, &met, &limit)) != 0)
            return fault;
        *(met ? &good : &bad) = rate;
    }
    // Down, when the very first rate was too high.
    while (good == 0 && bad > first / 1024) {
        if ((fault = try_again(search, bad / 2, &met, &limit)) != 0)
            return fault;
        *(met ? &good : &bad) = bad / 2;
    }
    while (good > 0 && bad > good * RESOLUTION) {
        double middle = (good + bad) / 2;
        if ((fault = try_again(search, middle, &met, &limit)) != 0)
            return fault;
        *(met ? &good : &bad) = middle;
    }
    return 0;
}

int search_stairs(struct search *search, const struct steps *stairs)
{
    int fault = 0;
    bool met, limit;
    for (double rate = stairs->from; rate <= stairs->to * 1.000001 && !fault;
         rate = stairs->factor > 0 ? rate * stairs->factor : rate + stairs->add)
        fault = try(search, rate, &met, &limit);
    return fault == -E2BIG ? 0 : fault;
}
