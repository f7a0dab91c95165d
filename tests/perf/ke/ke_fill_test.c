// Filling a pool of clients: all are granted, or the first failure is told.
#include "perf/ke/ke_fill.h"
#include "tests/perf/ke/ke_rig.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct ke_rig rig;
static uint32_t taken, told, told_failed;
static uint8_t cookies[200][16];

static int setup(void **state)
{
    (void)state;
    ke_rig_open(&rig, &(struct ke_server_options){0});
    taken = told = told_failed = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ke_rig_close(&rig);
    return 0;
}

static void take(void *context, uint32_t i, const struct ke_grant *grant)
{
    (void)context;
    assert_int_equal(i, taken);
    ke_rig_check_grant(&rig, grant);
    memcpy(cookies[i % 200], grant->cookie[0] + 4, 16); // its nonce
    taken++;
}

static void progress(void *context, uint32_t granted, uint32_t failed, uint32_t n)
{
    (void)context;
    (void)n;
    told = granted;
    told_failed = failed;
}

static int fill(uint32_t n, const struct ke_fill_order *more, char why[512])
{
    struct ke_fill_order order = *more;
    order.target = &rig.target;
    order.n = n;
    order.take = take;
    order.progress = progress;
    strcpy(why, "");
    return ke_fill(&order, why);
}

static void two_hundred(void **state)
{
    (void)state;
    char why[512];
    assert_int_equal(fill(200, &(struct ke_fill_order){0}, why), 0);
    assert_int_equal(taken, 200);
    assert_int_equal(told, 200);
    for (int i = 1; i < 200; i++)
        assert_memory_not_equal(cookies[i], cookies[0], 16);
}

static void none(void **state)
{
    (void)state;
    char why[512];
    assert_int_equal(fill(0, &(struct ke_fill_order){0}, why), 0);
}

// A server that takes one connection at a time: were all begun at once, most would reach their
// deadline in its queue.
static void one_at_a_time(void **state)
{
    (void)state;
    char why[512];
    ke_rig_close(&rig);
    ke_rig_open(&rig, &(struct ke_server_options){.threads = 1, .max_connections = 1});
    rig.target.deadline_ns = 1000000000; // 50 of the server's pauses
    assert_int_equal(fill(160, &(struct ke_fill_order){.concurrency = 128}, why), 0);
    assert_int_equal(taken, 160);
    assert_in_range(told_failed, 0, 32);
}

static void at_a_pace(void **state)
{
    (void)state;
    char why[512];
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(fill(11, &(struct ke_fill_order){.rate = 50}, why), 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    double s =
        (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
    assert_true(s >= 0.19); // ten gaps of 20 ms
}

static void not_trusted(void **state)
{
    (void)state;
    char why[512];
    rig.target.ca = NULL;
    assert_int_equal(fill(50, &(struct ke_fill_order){0}, why), -EPROTO);
    assert_non_null(strstr(why, "ke.test:"));
    assert_non_null(strstr(why, ": certificate verify failed ("));
    assert_non_null(strstr(why, "; give its issuer with --ca FILE"));
    assert_int_equal(told_failed, 1); // no patience mends that
}

static void refused(void **state)
{
    (void)state;
    char why[512];
    close(ke_rig_silent(&rig.target.address));
    assert_int_equal(fill(50, &(struct ke_fill_order){0}, why), -ECONNREFUSED);
    assert_non_null(strstr(why, "connection refused"));
    assert_int_equal(told_failed, 3);
}

static void silent_server(void **state)
{
    (void)state;
    char why[512];
    int silent = ke_rig_silent(&rig.target.address);
    rig.target.deadline_ns = 500000000;
    assert_int_equal(fill(50, &(struct ke_fill_order){0}, why), -ETIMEDOUT);
    assert_non_null(strstr(why, "timed out after 0.5 s in the TLS handshake"));
    close(silent);
}

// Takes the first connections and drops them, then is gone.
static void *drop_two(void *listener)
{
    for (int i = 0; i < 2; i++)
        close(accept(*(int *)listener, NULL, NULL));
    close(*(int *)listener);
    return NULL;
}

static void dropped(void **state)
{
    (void)state;
    char why[512];
    pthread_t thread;
    int listener = ke_rig_silent(&rig.target.address);
    assert_int_equal(pthread_create(&thread, NULL, drop_two, &listener), 0);
    assert_int_equal(fill(5, &(struct ke_fill_order){0}, why), -ECONNREFUSED);
    assert_non_null(strstr(why, "the server ended the connection in the TLS handshake"));
    pthread_join(thread, NULL);
}

static void stopped(void **state)
{
    (void)state;
    char why[512];
    atomic_bool stop = true;
    assert_int_equal(fill(50, &(struct ke_fill_order){.stop = &stop}, why), -ECANCELED);
    assert_string_equal(why, "stopped after 0 of 50 key exchanges");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(two_hundred),   TEST(none),        TEST(one_at_a_time),
        TEST(at_a_pace),     TEST(not_trusted), TEST(refused),
        TEST(silent_server), TEST(dropped),     TEST(stopped),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
