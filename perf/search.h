// Chooses the rates of trials: a staircase, or a search for the highest rate that meets the
// objectives (mlr_search.h: it doubles the rate, then halves the interval; a trial that fails is
// repeated, because other tasks on a shared machine often make one fail). Independent of the kind
// of trial.
#pragma once

#include "perf/mlr_search.h"
#include "perf/outcome.h"

struct search {
    // Runs a trial at a rate and fills in its outcome. Other than 0: the search ends.
    int (*trial)(void *with, double rate, uint64_t duration_ns, struct outcome *outcome);
    void (*tried)(void *with,
                  const struct outcome_step *step); // called after each trial, to show it
    void *with;

    struct mlr mlr;        // of search_highest: the goal, and what is known of each rate
    double bad;            // the relevant upper bound: it misses the objectives; 0: none
    bool tester_was_limit; // at that rate, so the server may be able to do more
    uint32_t n_steps;
    struct outcome_step step[STEPS_MAX]; // in the order of the trials
    struct outcome *best; // the highest rate that met the objectives, or NULL; freed by the caller
    struct outcome *last; // the last trial, unless it is the best; freed by the caller
};

// The goal of ntsperf's searches: trials of that duration, of which the better one of two decides;
// if they take 4 s or longer, trials of 1 s first find where to search.
struct mlr_goal search_goal(double loss_ratio, uint64_t duration_ns);

// Both return 0 or a trial's error. best and steps are filled in, also after an error.
int search_highest(struct search *search, const struct mlr_goal *goal, double first,
                   double highest);
int search_stairs(struct search *search, const struct steps *stairs, uint64_t duration_ns);
