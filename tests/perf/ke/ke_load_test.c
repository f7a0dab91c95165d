// Loads of key exchanges against our real server: every session ends in one count, limits and stops
// are told.
#include "perf/ke/ke_load.h"
#include "perf/ke/ke_session.h"
#include "tests/perf/ke/ke_rig.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const uint64_t ms = 1000000;

static struct ke_rig rig;
static uint32_t told;
static uint64_t first_told_ns;

static int setup(void **state)
{
    (void)state;
    ke_rig_open(&rig, &(struct ke_server_options){0});
    told = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ke_server_check_sums(&rig.server);
    ke_rig_close(&rig);
    return 0;
}

static void second(void *context, const struct ke_load_second *row)
{
    (void)context;
    assert_int_equal(row->at_s, told);
    if (told == 0)
        first_told_ns = ke_now_ns();
    told++;
}

static struct ke_load_result *run(struct ke_load_plan plan)
{
    char why[256];
    struct ke_load_result *r;
    plan.target = &rig.target;
    plan.max_open = plan.max_open ? plan.max_open : 200;
    plan.threads = plan.threads ? plan.threads : 1;
    plan.second = second;
    if (ke_load_run(&plan, &r, why) < 0)
        fail_msg("%s", why);
    assert_int_equal(r->started, r->granted + r->aborted + r->failed + r->unfinished);
    assert_int_equal(r->slow_begun, r->slow_cut + r->slow_held + r->slow_failed);
    uint64_t started = 0, granted = 0, failed = 0;
    for (uint32_t i = 0; i < r->n_seconds; i++) {
        started += r->seconds[i].started;
        granted += r->seconds[i].granted;
        failed += r->seconds[i].failed;
    }
    assert_int_equal(started, r->started);
    assert_int_equal(granted, r->granted);
    assert_int_equal(failed, r->failed);
    assert_int_equal(r->first_cookie.n, r->granted);
    assert_int_equal(told, r->n_seconds);
    assert_true(r->idle >= 0 && r->idle <= 1);
    return r;
}

static void even(void **state)
{
    (void)state;
    struct ke_load_result *r = run((struct ke_load_plan){.rate = 200, .duration_ns = 1500 * ms});
    assert_true(ke_now_ns() - first_told_ns > 100 * ms); // while it ran
    assert_int_equal(r->started, 300);
    assert_int_equal(r->granted, 300);
    assert_int_equal(r->not_sent, 0);
    assert_int_equal(r->connect.n, 300);
    assert_int_equal(r->handshake.n, 300);
    assert_true(r->cpu_s > 0 && r->peak_open >= 1);
    assert_true(r->n_seconds >= 2 && r->seconds[0].p50_ns > 0);
    ke_load_free(r);
    ke_server_await(&rig.server, KE_COMPLETED, 300);
}

static void poisson_threads(void **state)
{
    (void)state;
    struct ke_load_result *r = run((struct ke_load_plan){
        .rate = 300, .poisson = true, .threads = 3, .duration_ns = 1000 * ms, .seed = 5});
    assert_in_range(r->started, 200, 400); // 300 and almost six times its spread
    assert_int_equal(r->granted, r->started);
    ke_load_free(r);
}

static void with_aborted(void **state)
{
    (void)state;
    struct ke_load_result *r = run(
        (struct ke_load_plan){.rate = 300, .aborted = 0.25, .threads = 2, .duration_ns = 800 * ms});
    assert_int_equal(r->started, 240);
    assert_int_equal(r->aborted, 60);
    assert_int_equal(r->granted, 180);
    ke_load_free(r);
}

static void with_slow(void **state)
{
    (void)state;
    ke_rig_close(&rig);
    ke_rig_open(&rig, &(struct ke_server_options){.deadline_ms = 2000});
    rig.target.dribble_ns = 20 * ms;
    struct ke_load_result *r = run(
        (struct ke_load_plan){.rate = 50, .n_slow = 10, .threads = 2, .duration_ns = 3200 * ms});
    assert_int_equal(r->granted, 160);
    assert_int_equal(r->slow_cut,
                     10); // once each, at the server's deadline; then they are replaced
    assert_int_equal(r->slow_held, 10);
    assert_in_range(r->slow_cut_after.min / ms, 1950, 3200);
    ke_load_free(r);
}

static void bounded(void **state)
{
    (void)state;
    int silent = ke_rig_silent(&rig.target.address);
    rig.target.deadline_ns = 3000 * ms;
    struct ke_load_result *r =
        run((struct ke_load_plan){.rate = 100, .max_open = 10, .duration_ns = 250 * ms});
    assert_int_equal(r->started, 10);
    assert_int_equal(r->not_sent, 15);
    assert_int_equal(r->failed, 10);
    assert_int_equal(r->outcome[KE_OUTCOME_TIMED_OUT], 10);
    assert_int_equal(r->peak_open, 10);
    ke_load_free(r);
    close(silent);
}

static atomic_bool stop;

static void *stop_soon(void *unused)
{
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    atomic_store(&stop, true);
    return unused;
}

static void stopped(void **state)
{
    (void)state;
    pthread_t thread;
    int silent = ke_rig_silent(&rig.target.address);
    stop = false;
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, NULL), 0);
    struct ke_load_result *r = run((struct ke_load_plan){
        .rate = 100, .n_slow = 2, .duration_ns = 60000 * ms, .stop = &stop, .threads = 2});
    pthread_join(thread, NULL);
    assert_true(r->stopped);
    assert_true(r->took_ns < 30000 * ms);
    assert_true(r->started > 0 && r->unfinished == r->started);
    ke_load_free(r);
    close(silent);
}

static void only_slow_or_nothing(void **state)
{
    (void)state;
    struct ke_load_result *r = run((struct ke_load_plan){.rate = 0, .duration_ns = 50 * ms});
    assert_int_equal(r->started, 0);
    ke_load_free(r);
    told = 0;
    r = run((struct ke_load_plan){.rate = 0, .n_slow = 3, .duration_ns = 400 * ms});
    assert_int_equal(r->slow_held, 3);
    ke_load_free(r);
}

// What is open at the end of the duration still gets its time.
static void last_deadline_is_awaited(void **state)
{
    (void)state;
    int silent = ke_rig_silent(&rig.target.address);
    rig.target.deadline_ns = 400 * ms;
    struct ke_load_result *r = run((struct ke_load_plan){.rate = 50, .duration_ns = 100 * ms});
    assert_int_equal(r->outcome[KE_OUTCOME_TIMED_OUT], 5);
    assert_true(r->took_ns >= 400 * ms);
    ke_load_free(r);
    close(silent);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(even),
        TEST(poisson_threads),
        TEST(with_aborted),
        TEST(bounded),
        TEST(with_slow),
        TEST(stopped),
        TEST(only_slow_or_nothing),
        TEST(last_deadline_is_awaited),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
