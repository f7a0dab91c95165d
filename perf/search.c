#include "perf/search.h"

#include <errno.h>
#include <math.h>

// A search ends when the upper end of its interval is at most this factor above the lower end.
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

// Tries a rate, twice if the first trial fails, and makes it the lower or upper end of the
// interval.
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
    // If the first rate was too high: halve it until one is met.
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
