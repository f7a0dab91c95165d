#include "perf/mlr_search.h"

#include <math.h>
#include <stddef.h>

enum { DOWN_MOST = 1024 };

void mlr_start(struct mlr *mlr, const struct mlr_goal *goal, double first, double highest)
{
    mlr->goal = *goal;
    mlr->first = first;
    mlr->least = first / DOWN_MOST;
    mlr->highest = highest;
    mlr->final = goal->initial_s >= goal->final_s;
    mlr->at = 0;
    mlr->n = 0;
}

// The decisive share of the duration is that of high-loss trials, with the missing trials counted
// once as good and once as bad. Short trials are no proof of a low loss, since a queue may take
// longer to fill; those of a high loss count, as far as good short ones do not outweigh them.
enum mlr_class mlr_classify(const struct mlr_goal *goal, const struct mlr_load *load)
{
    double share = goal->exceed_ratio;
    double excess = load->short_high_s - load->short_low_s * share / (1 - share);
    double high = load->full_high_s + fmax(excess, 0);
    double whole = fmax(load->full_low_s + high, goal->sum_s);
    double may_exceed = whole * share * (1 + 1e-9); // sums of durations are not exact
    if (whole - load->full_low_s <= may_exceed)
        return MLR_LOWER;
    return high > may_exceed ? MLR_UPPER : MLR_UNDECIDED;
}

// In the first phase short trials stand for full-length ones, and decide in the same proportions.
static enum mlr_class class_of(const struct mlr *mlr, const struct mlr_load *load)
{
    struct mlr_goal goal = mlr->goal;
    if (mlr->final)
        return mlr_classify(&goal, load);
    const struct mlr_load as_full = {.full_low_s = load->short_low_s,
                                     .full_high_s = load->short_high_s};
    goal.sum_s *= goal.initial_s / goal.final_s;
    return mlr_classify(&goal, &as_full);
}

static struct mlr_load *find(struct mlr *mlr, double load)
{
    uint32_t i = 0;
    while (i < mlr->n && mlr->load[i].load != load)
        i++;
    if (i == mlr->n && i < MLR_LOADS_MAX)
        mlr->load[mlr->n++] = (struct mlr_load){.load = load};
    return i < MLR_LOADS_MAX ? &mlr->load[i] : NULL;
}

void mlr_note(struct mlr *mlr, double load, double duration_s, double loss, bool high_loss)
{
    struct mlr_load *l = find(mlr, load);
    if (!l)
        return;
    bool full = duration_s >= mlr->goal.final_s;
    mlr->at = load;
    if (full && high_loss)
        l->full_high_s += duration_s;
    else if (full)
        l->full_low_s += duration_s;
    else if (high_loss)
        l->short_high_s += duration_s;
    else
        l->short_low_s += duration_s;
    if (full && !high_loss)
        l->worst_low_loss = fmax(l->worst_low_loss, loss);
}

double mlr_upper_bound(const struct mlr *mlr)
{
    double least = 0;
    for (uint32_t i = 0; i < mlr->n; i++)
        if (class_of(mlr, &mlr->load[i]) == MLR_UPPER && (least == 0 || mlr->load[i].load < least))
            least = mlr->load[i].load;
    return least;
}

static const struct mlr_load *lower(const struct mlr *mlr)
{
    double upper = mlr_upper_bound(mlr);
    const struct mlr_load *most = NULL;
    for (uint32_t i = 0; i < mlr->n; i++) {
        const struct mlr_load *l = &mlr->load[i];
        if (class_of(mlr, l) == MLR_LOWER && (upper == 0 || l->load < upper) &&
            (!most || l->load > most->load))
            most = l;
    }
    return most;
}

double mlr_lower_bound(const struct mlr *mlr)
{
    const struct mlr_load *l = lower(mlr);
    return l ? l->load : 0;
}

double mlr_conditional_throughput(const struct mlr *mlr)
{
    const struct mlr_load *l = lower(mlr);
    return l ? l->load * (1 - l->worst_low_loss) : 0;
}

// The load of the next trial of this phase; 0 when the phase has found its bounds.
static double next_load(struct mlr *mlr)
{
    double upper = mlr_upper_bound(mlr), lower_bound = mlr_lower_bound(mlr);
    // The first phase only finds two loads of which one is twice the other.
    double width = mlr->final ? mlr->goal.width : 1;
    if (mlr->at == 0)
        return mlr->first;
    const struct mlr_load *last = find(mlr, mlr->at);
    if (!last)
        return 0;
    if (class_of(mlr, last) == MLR_UNDECIDED)
        return mlr->at;
    if (upper == 0)
        return lower_bound < mlr->highest ? fmin(lower_bound * 2, mlr->highest) : 0;
    if (lower_bound == 0)
        return upper > mlr->least ? upper / 2 : 0;
    return upper > lower_bound * (1 + width) ? (lower_bound + upper) / 2 : 0;
}

bool mlr_next(struct mlr *mlr, double *load, double *duration_s)
{
    double next = next_load(mlr);
    if (next == 0 && !mlr->final) {
        double bound = mlr_lower_bound(mlr);
        mlr->first = bound > 0 ? bound : mlr_upper_bound(mlr);
        mlr->final = true;
        mlr->at = 0;
        next = next_load(mlr);
    }
    *load = next;
    *duration_s = mlr->final ? mlr->goal.final_s : mlr->goal.initial_s;
    return next > 0 && mlr->n < MLR_LOADS_MAX;
}
