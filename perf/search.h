// Which rates are tried, and in which order: a staircase, or a search for the highest rate that
// meets the objectives, in the manner of RFC 2544: up by doubling, then by halving the interval.
// A trial that fails is tried once more, since strangers on a shared machine spoil one more often
// than luck mends one. Knows nothing of what a trial is.
#pragma once

#include "perf/outcome.h"

struct search {
    // Runs a trial at a rate and fills in what came of it. 0, or not: everything ends.
    int (*trial)(void *with, double rate, struct outcome *outcome);
    void (*tried)(void *with, const struct outcome_step *step); // to show it
    void *with;

    double bad;            // the lowest rate that did not; 0: none
    bool tester_was_limit; // there, so that the server may do more
    uint32_t n_steps;
    struct outcome_step step[STEPS_MAX]; // in the order in which they were tried
    struct outcome *best; // of the highest rate that met the objectives; the caller frees it.
                          // NULL when none did
    struct outcome *last; // that was tried, unless it is the best; likewise
};

// Both return 0, or what a trial returned. best and steps are filled in either way.
int search_highest(struct search *search, double first, double highest);
int search_stairs(struct search *search, const struct steps *stairs);
