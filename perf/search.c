#include "perf/search.h"

#include <errno.h>
#include <math.h>

// The interval in which the highest rate is known to lie, as a factor, when a search ends.
#define RESOLUTION 1.02

static int try(struct search *search, double rate, bool *met)
{
    if (search->n_steps == STEPS_MAX)
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
    if (outcome->met && (!search->best || outcome->rate > search->best->rate)) {
        outcome_free(search->best);
        search->best = outcome;
    } else {
        outcome_free(search->last);
        search->last = outcome;
    }
    return 0;
}

// Twice, if it must be. Moves the end of the interval that the rate turns out to be.
static int narrow(struct search *search, double rate, double *good)
{
    bool met;
    int fault = try(search, rate, &met);
    if (!fault && !met)
        fault = try(search, rate, &met);
    if (fault)
        return fault;
    if (met) {
        *good = rate;
        return 0;
    }
    search->bad = rate;
    search->tester_was_limit = search->step[search->n_steps - 1].tester_was_limit;
    return 0;
}

int search_highest(struct search *search, double first, double highest)
{
    double good = 0;
    int fault = 0;
    for (double rate = first; !fault && search->bad == 0 && good < highest;
         rate = fmin(rate * 2, highest))
        fault = narrow(search, rate, &good);
    // Down, when the very first rate was too high.
    while (!fault && good == 0 && search->bad > first / 1024)
        fault = narrow(search, search->bad / 2, &good);
    while (!fault && good > 0 && search->bad > good * RESOLUTION)
        fault = narrow(search, (good + search->bad) / 2, &good);
    return fault;
}

int search_stairs(struct search *search, const struct steps *stairs)
{
    int fault = 0;
    bool met;
    for (double rate = stairs->from; rate <= stairs->to * 1.000001 && !fault;
         rate = stairs->factor > 0 ? rate * stairs->factor : rate + stairs->add)
        fault = try(search, rate, &met);
    return fault == -E2BIG ? 0 : fault;
}
