// A search for the highest load that meets a goal, after MLRsearch (RFC 9971). Trials at one load
// may be short or of full length, and may disagree; a load is a lower or an upper bound when the
// trials that are still missing could not change that. Knows loads and trials only: the caller runs
// them. Pure; a struct mlr belongs to one thread.
//
//     mlr_start(&mlr, &goal, first, highest);
//     while (mlr_next(&mlr, &load, &duration_s))
//         mlr_note(&mlr, load, duration_s, loss, high_loss);
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { MLR_LOADS_MAX = 256 };

struct mlr_goal {
    double loss_ratio;   // a trial above it is a high-loss trial (told, not used)
    double initial_s;    // duration of the first trials, which find where to search; final_s: none
    double final_s;      // duration of a full-length trial
    double sum_s;        // of the full-length trials that decide a load
    double exceed_ratio; // the share of that duration that may be high-loss; below 1
    double width;        // the search ends when the upper bound is so much above the lower: 0.02
};

enum mlr_class { MLR_UNDECIDED, MLR_LOWER, MLR_UPPER };

// The trials of one load: sums of their durations, in s.
struct mlr_load {
    double load;
    double full_low_s, full_high_s, short_low_s, short_high_s;
    double worst_low_loss; // the largest loss ratio of its full-length low-loss trials
};

struct mlr {
    struct mlr_goal goal;
    double first, least, highest;
    bool final; // full-length trials now
    double at;  // the load of the last trial; 0: none in this phase
    uint32_t n;
    struct mlr_load load[MLR_LOADS_MAX];
};

// first and highest: where to begin and where to end; the lowest load tried is first / 1024.
void mlr_start(struct mlr *mlr, const struct mlr_goal *goal, double first, double highest);

// The next trial; false at the end of the search.
bool mlr_next(struct mlr *mlr, double *load, double *duration_s);

// Takes a trial's result. loss: its loss ratio.
void mlr_note(struct mlr *mlr, double load, double duration_s, double loss, bool high_loss);

// What the trials of a load say about the goal.
enum mlr_class mlr_classify(const struct mlr_goal *goal, const struct mlr_load *load);

// The smallest upper bound, and the largest lower bound below it. 0: there is none.
double mlr_upper_bound(const struct mlr *mlr);
double mlr_lower_bound(const struct mlr *mlr);

// The load that came through at the relevant lower bound in the worst trial that counts as good:
// the lower bound without its lost share. 0 without a lower bound.
double mlr_conditional_throughput(const struct mlr *mlr);
