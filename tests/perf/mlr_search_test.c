// The search on simulated devices: one with a sharp knee, one with noise, one that never loses, one
// that always does, one whose queue hides the loss of short trials; and the bounds that trials
// make.
#include "perf/mlr_search.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct device {
    double knee;    // packets a second that it serves
    double queue;   // packets that it holds in a burst
    unsigned noise; // one trial in so many fails by chance; 0: none
    uint64_t random;
    unsigned n, n_full;
    double spent_s;
};

static const struct mlr_goal full_only = {.loss_ratio = 0.001,
                                          .initial_s = 2,
                                          .final_s = 2,
                                          .sum_s = 4,
                                          .exceed_ratio = 0.5,
                                          .width = 0.02};
static const struct mlr_goal both = {.loss_ratio = 0.001,
                                     .initial_s = 1,
                                     .final_s = 60,
                                     .sum_s = 120,
                                     .exceed_ratio = 0.5,
                                     .width = 0.02};

static struct mlr mlr;

static double trial(struct device *d, double load, double duration)
{
    d->random = d->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    d->n++;
    d->n_full += duration >= mlr.goal.final_s;
    d->spent_s += duration;
    if (d->noise > 0 && (d->random >> 33) % d->noise == 0)
        return 0.05;
    return fmax(0, (load - d->knee) * duration - d->queue) / (load * duration);
}

static void run(struct device *d, const struct mlr_goal *goal, double first, double highest)
{
    double load, duration;
    mlr_start(&mlr, goal, first, highest);
    while (mlr_next(&mlr, &load, &duration)) {
        double loss = trial(d, load, duration);
        mlr_note(&mlr, load, duration, loss, loss > goal->loss_ratio);
        assert_true(d->n < 400);
    }
}

static void a_sharp_knee(void **state)
{
    (void)state;
    for (double knee = 1; knee < 19e6; knee *= 1.7)
        for (unsigned short_ones = 0; short_ones < 2; short_ones++) {
            struct device d = {.knee = knee};
            run(&d, short_ones ? &both : &full_only, 1000, 20e6);
            double lower = mlr_lower_bound(&mlr), upper = mlr_upper_bound(&mlr);
            // A load that loses a thousandth is still good.
            assert_true(lower <= knee / 0.999 && upper > knee);
            assert_true(upper <= lower * 1.0201);
            double through = mlr_conditional_throughput(&mlr);
            assert_true(through <= lower && through >= lower * 0.999);
        }
}

static void short_trials_save_time(void **state)
{
    (void)state;
    struct device d = {.knee = 3e6}, slow = d;
    run(&d, &both, 1000, 20e6);
    struct mlr_goal all_full = both;
    all_full.initial_s = all_full.final_s;
    run(&slow, &all_full, 1000, 20e6);
    assert_true(d.spent_s < slow.spent_s * 0.6);
}

// A queue that takes all of a short trial's surplus: full-length trials decide.
static void a_queue_deceives_short_trials(void **state)
{
    (void)state;
    struct device d = {.knee = 10000, .queue = 50000};
    run(&d, &both, 1000, 20e6);
    double most = (10000 * 60 + 50000) / 60.0; // that 60 s hold
    assert_true(mlr_lower_bound(&mlr) <= most * 1.002 && mlr_lower_bound(&mlr) > most * 0.97);
    assert_true(mlr_upper_bound(&mlr) > most);
}

static void noise(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 50; seed++) {
        struct device d = {.knee = 1e5, .noise = 20, .random = seed};
        run(&d, &full_only, 1000, 20e6);
        // Bad luck can lower the bounds; good luck must not raise them.
        assert_true(mlr_lower_bound(&mlr) <= 1e5 / 0.999);
        assert_true(mlr_upper_bound(&mlr) == 0 || mlr_lower_bound(&mlr) < mlr_upper_bound(&mlr));
    }
    // With one failure now and then, a repetition saves the load.
    struct device d = {.knee = 1e5, .noise = 0};
    run(&d, &full_only, 1000, 20e6);
    assert_true(mlr_lower_bound(&mlr) > 0.979e5);
}

static void it_never_loses(void **state)
{
    (void)state;
    struct device d = {.knee = 1e12};
    run(&d, &full_only, 1000, 20e6);
    assert_true(mlr_lower_bound(&mlr) == 20e6 && mlr_upper_bound(&mlr) == 0);
    run(&d, &both, 1000, 1000);
    assert_true(mlr_lower_bound(&mlr) == 1000 && mlr_upper_bound(&mlr) == 0);
}

static void it_always_loses(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct device d = {.knee = 0};
        run(&d, i ? &both : &full_only, 1000, 20e6);
        assert_true(mlr_lower_bound(&mlr) == 0 && mlr_conditional_throughput(&mlr) == 0);
        assert_true(mlr_upper_bound(&mlr) > 0.9 && mlr_upper_bound(&mlr) < 1000.1);
        assert_true(d.n_full <= 24);
    }
}

static void classes(void **state)
{
    (void)state;
    static const struct {
        struct mlr_load load;
        enum mlr_class is;
    } rows[] = {
        {{.full_low_s = 0}, MLR_UNDECIDED},
        {{.full_low_s = 60}, MLR_LOWER}, // whatever the other 60 s bring
        {{.full_high_s = 60}, MLR_UNDECIDED},
        {{.full_high_s = 120}, MLR_UPPER},
        {{.full_high_s = 60, .full_low_s = 60}, MLR_LOWER},
        {{.full_high_s = 120, .full_low_s = 60}, MLR_UPPER},
        {{.short_low_s = 1000}, MLR_UNDECIDED}, // no proof
        {{.short_high_s = 61}, MLR_UPPER},
        {{.short_high_s = 60}, MLR_UNDECIDED},
        {{.short_high_s = 70, .short_low_s = 20}, MLR_UNDECIDED},
        {{.full_low_s = 60, .short_high_s = 61}, MLR_UPPER},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        if (mlr_classify(&both, &rows[i].load) != rows[i].is)
            fail_msg("row %u", i);
    // Without an exceed ratio one bad trial decides, and all of the sum must be good.
    struct mlr_goal strict = both;
    strict.exceed_ratio = 0;
    assert_int_equal(mlr_classify(&strict, &(struct mlr_load){.full_high_s = 60}), MLR_UPPER);
    assert_int_equal(mlr_classify(&strict, &(struct mlr_load){.full_low_s = 60}), MLR_UNDECIDED);
    assert_int_equal(mlr_classify(&strict, &(struct mlr_load){.full_low_s = 120}), MLR_LOWER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sharp_knee),
        cmocka_unit_test(short_trials_save_time),
        cmocka_unit_test(a_queue_deceives_short_trials),
        cmocka_unit_test(noise),
        cmocka_unit_test(it_never_loses),
        cmocka_unit_test(it_always_loses),
        cmocka_unit_test(classes),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
