// Refilling from a thread of its own, as a load thread sees it. Thread sanitizers look at this one.
#include "perf/ke/ke_refill.h"
#include "tests/perf/ke/ke_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct ke_rig rig;

static int setup(void **state)
{
    (void)state;
    ke_rig_open(&rig, &(struct ke_server_options){0});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ke_rig_close(&rig);
    return 0;
}

static struct ke_refill *start(uint32_t n_clients, uint32_t max_open)
{
    char why[256];
    struct ke_refill *refill;
    assert_int_equal(ke_refill_start(&rig.target, n_clients, max_open, &refill, why), 0);
    return refill;
}

static void doze(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

// Takes n grants, or what comes within some seconds.
static uint32_t take(struct ke_refill *refill, uint32_t n, uint32_t *seen)
{
    uint32_t taken = 0;
    for (int i = 0; taken < n && i < 20000; i++) {
        uint32_t client;
        struct ke_grant grant;
        while (ke_refill_take(refill, &client, &grant)) {
            ke_rig_check_grant(&rig, &grant);
            seen[client]++;
            taken++;
        }
        doze();
    }
    return taken;
}

static void each_gets_one(void **state)
{
    (void)state;
    enum { N = 300 }; // more than grants may wait
    static uint32_t seen[N];
    static struct histogram first_cookie;
    struct ke_refill_counts counts;
    struct ke_refill *refill = start(N, 16);
    for (uint32_t client = 0; client < N; client++)
        assert_true(ke_refill_request(refill, client));
    assert_false(ke_refill_request(refill, 0));
    assert_int_equal(take(refill, N, seen), N);
    for (uint32_t client = 0; client < N; client++)
        assert_int_equal(seen[client], 1);
    assert_true(ke_refill_request(refill, 7)); // and once more
    assert_int_equal(take(refill, 1, seen), 1);
    assert_int_equal(seen[7], 2);
    ke_refill_stop(refill, &counts, &first_cookie);
    assert_int_equal(counts.requested, N + 1);
    assert_int_equal(counts.begun, N + 1);
    assert_int_equal(counts.granted, N + 1);
    assert_int_equal(counts.failed, 0);
    assert_int_equal(first_cookie.n, N + 1);
}

static void failures_are_tried_again(void **state)
{
    (void)state;
    static uint32_t seen[4];
    struct ke_refill_counts counts;
    int silent = ke_rig_silent(&rig.target.address);
    close(silent);
    struct ke_refill *refill = start(4, 2);
    for (uint32_t client = 0; client < 4; client++)
        assert_true(ke_refill_request(refill, client));
    do {
        doze();
        ke_refill_count(refill, &counts);
    } while (counts.failed < 7); // of four requests
    assert_int_equal(take(refill, 0, seen), 0);
    ke_refill_stop(refill, &counts, NULL);
    assert_int_equal(counts.granted, 0);
    assert_int_equal(counts.outcome[KE_OUTCOME_REFUSED], counts.failed);
}

static void stopped_with_all_open(void **state)
{
    (void)state;
    struct ke_refill *refill = start(64, 64);
    for (uint32_t client = 0; client < 64; client++)
        assert_true(ke_refill_request(refill, client));
    doze();
    doze();
    ke_refill_stop(refill, NULL, NULL);
    ke_refill_stop(NULL, NULL, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_gets_one),
        TEST(failures_are_tried_again),
        TEST(stopped_with_all_open),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
