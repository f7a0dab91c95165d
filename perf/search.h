// Chooses the rates of trials: a staircase, or a search for the highest rate that meets the
// objectives. The search is like that of RFC 2544: it doubles the rate, then halves the interval. A
// failed trial is repeated once, because other tasks on a shared machine often make one fail.
// Independent of the kind of trial.
#pragma once

#include "perf/outcome.h"

struct search {
    // Runs a trial at a rate and fills in its outcome. Other than 0: the search ends.
    int (*trial)(void *with, double rate, struct outcome *outcome);
    void (*tried)(void *with,
                  const struct outcome_step *step); // called after each trial, to show it
    void *with;

    double bad;            // the lowest rate that missed the objectives; 0: none
    bool tester_was_limit; // at that rate, so the server may be able to do more
    uint32_t n_steps;
    struct outcome_step step[STEPS_MAX]; // in the order of the trials
    struct outcome *best; // the highest rate that met the objectives, or NULL; freed by the caller
    struct outcome *last; // the last trial, unless it is the best; freed by the caller
};

// Both return 0 or a trial's error. best and steps are filled in, also after an error.
int search_highest(struct search *search, double first, double highest);
int search_stairs(struct search *search, const struct steps *stairs);
