// The search over simulated servers: any limit, a trial that fails by chance, never met, always
// met; and the staircase.
#include "perf/search.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

struct server {
    double knee;     // the highest rate that it can serve
    unsigned spoilt; // every so many trials one fails for no reason of its own; 0: none
    int fault;       // returned by the trial of that number
    unsigned fault_at;
    double limit; // of the tester
    unsigned n, shown;
    double highest_tried;
};

static int trial(void *with, double rate, uint64_t duration_ns, struct outcome *outcome)
{
    struct server *server = with;
    assert_int_equal(duration_ns, 2000000000);
    server->n++;
    server->highest_tried = fmax(server->highest_tried, rate);
    outcome->rate = rate;
    outcome->met = rate <= server->knee;
    if (server->spoilt > 0 && server->n % server->spoilt == 0)
        outcome->met = false;
    outcome->tester_was_limit = server->limit > 0 && rate > server->limit;
    return server->fault_at == server->n ? server->fault : 0;
}

static void tried(void *with, const struct outcome_step *step)
{
    struct server *server = with;
    server->shown++;
    assert_true(step->rate > 0);
}

static struct search search;

static int highest(struct server *server, double first, double last)
{
    search = (struct search){.trial = trial, .tried = tried, .with = server};
    struct mlr_goal goal = search_goal(0.001, 2000000000);
    return search_highest(&search, &goal, first, last);
}

static void end(const struct server *server)
{
    assert_int_equal(search.n_steps, server->shown);
    assert_true(search.n_steps < 80);
    outcome_free(search.best);
    outcome_free(search.last);
}

static void knee_anywhere(void **state)
{
    (void)state;
    for (double knee = 1; knee < 19.9e6; knee *= 1.173) {
        struct server server = {.knee = knee};
        assert_int_equal(highest(&server, 1000, 20e6), 0);
        assert_non_null(search.best);
        assert_true(search.best->rate <= knee && search.best->rate >= knee / 1.021);
        assert_true(search.best->met);
        end(&server);
    }
    static const double exact[] = {1000, 2000, 1999.99, 2000.01, 500, 1024000, 1000.0 / 1024};
    for (unsigned i = 0; i < sizeof exact / sizeof *exact; i++) {
        struct server server = {.knee = exact[i]};
        assert_int_equal(highest(&server, 1000, 20e6), 0);
        assert_true(search.best->rate <= exact[i] && search.best->rate >= exact[i] / 1.021);
        end(&server);
    }
}

static void one_spoilt_trial_is_forgiven(void **state)
{
    (void)state;
    for (unsigned spoilt = 3; spoilt < 12; spoilt++)
        for (double knee = 700; knee < 10e6; knee *= 3.7) {
            struct server server = {.knee = knee, .spoilt = spoilt};
            assert_int_equal(highest(&server, 1000, 20e6), 0);
            assert_true(search.best->rate <= knee && search.best->rate >= knee / 1.021);
            end(&server);
        }
}

static void never_met(void **state)
{
    (void)state;
    struct server server = {.knee = 0};
    assert_int_equal(highest(&server, 1000, 20e6), 0);
    assert_null(search.best);
    assert_non_null(search.last);
    assert_true(server.n <= 24 && server.highest_tried == 1000);
    end(&server);
}

// Where all is well the highest rate is tried, and nothing beyond it.
static void always_met(void **state)
{
    (void)state;
    static const double ends[] = {1000, 1001, 1999, 2000, 2001, 20e6};
    for (unsigned i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct server server = {.knee = 1e12};
        assert_int_equal(highest(&server, 1000, ends[i]), 0);
        assert_true(search.best->rate == ends[i] && server.highest_tried == ends[i]);
        end(&server);
    }
}

static void the_testers_limit_is_kept_with_the_step(void **state)
{
    (void)state;
    struct server server = {.knee = 50000, .limit = 30000};
    assert_int_equal(highest(&server, 1000, 20e6), 0);
    for (uint32_t i = 0; i < search.n_steps; i++) {
        assert_int_equal(search.step[i].tester_was_limit, search.step[i].rate > 30000);
        assert_int_equal(search.step[i].met, search.step[i].rate <= 50000);
    }
    end(&server);
}

static void a_fault_ends_it(void **state)
{
    (void)state;
    for (unsigned at = 1; at < 20; at++) {
        struct server server = {.knee = 1e5, .fault = -EIO, .fault_at = at};
        int fault = highest(&server, 1000, 20e6);
        assert_int_equal(fault, server.n >= at ? -EIO : 0);
        assert_int_equal(search.n_steps, server.n >= at ? at - 1 : server.n);
        assert_true(at < 2 || search.best);
        end(&server);
    }
}

static void stairs(void **state)
{
    (void)state;
    static const struct {
        struct steps steps;
        unsigned n;
        double last;
    } rows[] = {
        {{.from = 1000, .to = 8000, .factor = 2}, 4, 8000},
        {{.from = 1000, .to = 7999, .factor = 2}, 3, 4000},
        {{.from = 100, .to = 1000, .add = 100}, 10, 1000},
        {{.from = 0.1, .to = 1, .add = 0.1}, 10, 1},
        {{.from = 5, .to = 5, .factor = 1.5}, 1, 5},
        {{.from = 1, .to = 1e6, .add = 1}, STEPS_MAX, STEPS_MAX},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct server server = {.knee = 500};
        search = (struct search){.trial = trial, .tried = tried, .with = &server};
        assert_int_equal(search_stairs(&search, &rows[i].steps, 2000000000), 0);
        assert_int_equal(search.n_steps, rows[i].n);
        assert_true(fabs(search.step[rows[i].n - 1].rate - rows[i].last) < 1e-6 * rows[i].last);
        outcome_free(search.best);
        outcome_free(search.last);
    }
    struct server server = {.fault = -EIO, .fault_at = 3};
    search = (struct search){.trial = trial, .tried = tried, .with = &server};
    assert_int_equal(search_stairs(&search, &rows[2].steps, 2000000000), -EIO);
    assert_int_equal(search.n_steps, 2);
    end(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knee_anywhere),
        cmocka_unit_test(one_spoilt_trial_is_forgiven),
        cmocka_unit_test(never_met),
        cmocka_unit_test(always_met),
        cmocka_unit_test(the_testers_limit_is_kept_with_the_step),
        cmocka_unit_test(a_fault_ends_it),
        cmocka_unit_test(stairs),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
