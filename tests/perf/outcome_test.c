// The outcome of a trial: the loss that counts, whether the tester was the limit and its reason,
// and the objectives.
#include "perf/ke/ke_load.h"
#include "perf/outcome.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct outcome *o;
static struct plan plan;

static int setup(void **state)
{
    (void)state;
    plan = (struct plan){.loss = 2};
    o = outcome_new();
    tally_init(&o->total);
    for (unsigned i = 0; i < FLOW_KINDS; i++)
        tally_init(&o->flow[i].tally);
    o->total.count[TALLY_SENT] = 1000;
    o->total.count[TALLY_ANSWERED] = 990;
    o->total.count[TALLY_LOST] = 6;
    o->total.count[TALLY_LATE] = 4;
    o->self.span_ns = 1000000000;
    o->self.idle_ns = 500000000;
    for (unsigned i = 0; i < 990; i++)
        histogram_add(&o->total.latency, 1000);
    o->span_s = 1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    outcome_free(o);
    return 0;
}

static void at_rest(void **state)
{
    (void)state;
    outcome_judge(o, &plan);
    assert_true(o->loss == 0.01 && o->headroom == 0.5 && o->met && !o->tester_was_limit);
    assert_string_equal(o->why, "");
    assert_true(o->server_cpu_s < 0);
    outcome_free(NULL);
}

static void the_victims_loss_counts(void **state)
{
    (void)state;
    o->n_flows = 2;
    o->flow[0].kind = FLOW_BAD_TAG;
    o->flow[0].tally.count[TALLY_SENT] = 5000;
    o->flow[0].tally.count[TALLY_LOST] = 5000;
    o->flow[1].kind = FLOW_PLAIN;
    outcome_judge(o, &plan);
    assert_true(o->loss == 0.01); // of the honest ones
    o->flow[1].kind = FLOW_VICTIM;
    o->flow[1].tally.count[TALLY_SENT] = 100;
    o->flow[1].tally.count[TALLY_LOST] = 25;
    o->flow[1].tally.count[TALLY_ANSWERED] = 75;
    plan.loss = 0.2;
    outcome_judge(o, &plan);
    assert_true(o->loss == 0.25 && !o->met);
    plan.loss = 0.25;
    outcome_judge(o, &plan);
    assert_true(o->met);
}

static void objectives(void **state)
{
    (void)state;
    static const struct {
        double loss;
        uint64_t p99_ns;
        bool met;
    } rows[] = {{2, 0, true},       {0.01, 0, true},    {0.0099, 0, false},
                {0, 0, false},      {2, 1000, true},    {2, 999, false},
                {0.01, 1000, true}, {0.01, 999, false}, {0.001, 1000, false}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        plan.loss = rows[i].loss;
        plan.p99_ns = rows[i].p99_ns;
        outcome_judge(o, &plan);
        assert_int_equal(o->met, rows[i].met);
    }
    // A NAK is no time, though nothing was lost.
    o->total.count[TALLY_LOST] = o->total.count[TALLY_LATE] = 0;
    o->total.count[TALLY_NAK] = 10;
    plan = (struct plan){.loss = 0};
    outcome_judge(o, &plan);
    assert_true(o->loss == 0 && !o->met);
    o->total.count[TALLY_SENT] = 990;
    outcome_judge(o, &plan);
    assert_true(o->met);
    o->total.count[TALLY_ANSWERED] = 0; // silence meets nothing
    plan.loss = 2;
    outcome_judge(o, &plan);
    assert_false(o->met);
}

// A search believes no trial whose load was not applied, whoever's requests were missing.
static void what_was_not_applied_is_not_met(void **state)
{
    (void)state;
    struct tally *hostile = &o->flow[0].tally;
    uint64_t *const missing[] = {
        &o->total.count[TALLY_UNSENT_BEHIND], &o->total.count[TALLY_UNSENT_PATH],
        &o->total.count[TALLY_UNSENT_OPEN],   &hostile->count[TALLY_UNSENT_BEHIND],
        &hostile->count[TALLY_UNSENT_PATH],
    };
    o->n_flows = 1;
    o->flow[0].kind = FLOW_GARBAGE;
    o->asked = 1000;
    for (unsigned i = 0; i < sizeof missing / sizeof *missing; i++)
        for (unsigned search = 0; search < 2; search++) {
            plan.search = search;
            outcome_judge(o, &plan);
            assert_true(o->applied && o->met);
            *missing[i] = 100;
            outcome_judge(o, &plan);
            assert_true(!o->applied && o->met == !search);
            *missing[i] = 0;
        }
    o->asked = 1100; // what no client had a cookie for
    outcome_judge(o, &plan);
    assert_true(!o->applied && !o->met);
    o->asked = 1000;
    // A load that is late is one all the same; late key exchanges are another rate.
    o->self.sent_late = 101;
    outcome_judge(o, &plan);
    assert_true(o->applied && o->met);
    o->ke = calloc(1, sizeof *o->ke);
    outcome_judge(o, &plan);
    assert_true(!o->applied && !o->met);
    hostile->count[TALLY_SENT] = 1000; // of all
    outcome_judge(o, &plan);
    assert_true(o->applied && o->met);
}

static void expect_limit(const char *words)
{
    outcome_judge(o, &plan);
    assert_true(o->tester_was_limit);
    if (!strstr(o->why, words))
        fail_msg("not '%s' but '%s'", words, o->why);
    // Judged again when the cause is gone, it is no more.
    o->total.count[TALLY_UNSENT_BEHIND] = o->total.count[TALLY_UNSENT_PATH] = 0;
    o->flow[0].tally.count[TALLY_UNSENT_PATH] = 0;
    o->self.missed = o->self.sent_late = o->self.stalled_ns = 0;
    o->self.idle_ns = 500000000;
    outcome_judge(o, &plan);
    assert_false(o->tester_was_limit);
    assert_string_equal(o->why, "");
}

static void the_testers_limit(void **state)
{
    (void)state;
    o->self.missed = 3;
    expect_limit("3 replies");
    o->total.count[TALLY_UNSENT_PATH] = 4;
    expect_limit("4 requests");
    o->total.count[TALLY_UNSENT_BEHIND] = 1000;
    expect_limit("50.0 %");
    o->self.sent_late = 20;
    expect_limit("2.00 %");
    o->self.sent_late = 20;
    o->self.stalled_ns = 30000000;
    expect_limit("30.0 ms");
    o->self.idle_ns = 20000000;
    expect_limit("busy");
    // What hostile flows could not send is the tester's fault, too; what they sent late is not
    // counted against the honest ones.
    o->n_flows = 1;
    o->flow[0].kind = FLOW_FLOOD;
    o->flow[0].tally.count[TALLY_SENT] = 1000000;
    o->flow[0].tally.count[TALLY_UNSENT_PATH] = 7;
    expect_limit("7 requests");
    o->self.sent_late = 900; // of a million and more
    outcome_judge(o, &plan);
    assert_false(o->tester_was_limit);
    o->n_flows = 0;
    o->self.sent_late = 9; // 0.9 %
    outcome_judge(o, &plan);
    assert_false(o->tester_was_limit);
}

static void steps_keep_what_counts(void **state)
{
    (void)state;
    o->rate = 2000;
    o->span_s = 0.5;
    o->total.count[TALLY_WRONG_TAG] = 3;
    plan.loss = 0.001;
    outcome_judge(o, &plan);
    struct outcome_step step = outcome_step_of(o);
    assert_true(step.rate == 2000 && step.answered_rate == 1980 && step.loss == 0.01);
    assert_true(step.sent == 1000 && step.answered == 990 && step.lost == 10 && step.wrong == 3);
    assert_true(step.latency.p50 == 1000 && step.latency.max == 1000 && step.latency.min == 1000);
    assert_true(!step.met && !step.tester_was_limit);
    o->span_s = 0;
    assert_true(outcome_step_of(o).answered_rate == 0);
    histogram_init(&o->total.latency);
    struct outcome_quantiles none = outcome_quantiles_of(&o->total.latency);
    assert_true(none.min == 0 && none.max == 0 && none.p99 == 0 && none.mean == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(at_rest, setup, teardown),
        cmocka_unit_test_setup_teardown(the_victims_loss_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(objectives, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_not_applied_is_not_met, setup, teardown),
        cmocka_unit_test_setup_teardown(the_testers_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(steps_keep_what_counts, setup, teardown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
