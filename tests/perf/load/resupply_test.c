// The engine when cookies run out: after losses, NAKs and storms, and when the path accepts
// nothing.
#include "tests/perf/load/lab.h"

#include "base/now.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NTSN = 0x4e54534e };

static unsigned cookies_in_jars(const struct lab *lab)
{
    unsigned n = 0;
    for (uint32_t c = 0; c < lab->clients.n; c++)
        n += lab->clients.client[c].n_cookies;
    return n;
}

static void all_is_answered(const struct lab *lab)
{
    assert_true(lab_count(lab, TALLY_SENT) > 0);
    assert_int_equal(lab_count(lab, TALLY_ANSWERED), lab_count(lab, TALLY_SENT));
    assert_int_equal(tally_sum(&lab->load.stray, TALLY_OF_WRONG), 0);
}

// RFC 8915, section 5.7: clients request the cookies that their jar lacks, and have as many as
// before.
static void jars_fill_up_after_losses(void **state)
{
    (void)state;
    struct lab *lab = lab_open(31, 2, 100);
    lab->lie = LIE_SILENCE;
    lab->until = 300;
    lab_run(lab, 5000, 300, 20);
    assert_true(lab->n_lies > 90);
    assert_int_equal(lab_count(lab, TALLY_LOST), lab->n_lies);
    assert_true(lab->n_placeholders >= lab->n_lies);
    assert_int_equal(cookies_in_jars(lab), 31 * CLIENT_JAR);
    lab_close(lab);
}

// Longer than a timeout: the burst is given up, and what its requests would have brought with it.
static void a_path_that_is_given_up(void **state)
{
    (void)state;
    struct lab *lab = lab_open(4, 3, 100);
    lab->shut_ns = 10000000;
    lab->open_ns = 200000000;
    lab_run(lab, 10000, 400, 30);
    assert_int_equal(lab_count(lab, TALLY_ANSWERED), lab_count(lab, TALLY_SENT));
    assert_true(lab_count(lab, TALLY_UNSENT_PATH) > 0);
    for (uint32_t c = 0; c < 4; c++)
        assert_int_equal(lab->clients.client[c].in_flight, 0);
    lab_close(lab);
}

// Where it is given up for good the load ends, and its clients may ask for new sessions.
static void a_path_that_is_shut(void **state)
{
    (void)state;
    struct lab *lab = lab_open(2, 1, 100);
    lab->first_ns = now_ns();
    lab->open_ns = UINT64_MAX;
    lab->supply_room = 2;
    lab->supply_ns = 1000000;
    lab_run(lab, 10000, 150, 20);
    assert_int_equal(lab_count(lab, TALLY_SENT), 0);
    assert_int_equal(lab->n_requests, 0);
    assert_true(lab->n_session_requests > 0 && lab->n_sessions > 2);
    assert_int_equal(lab->n_requested_twice, 0);
    lab_close(lab);
}

static void out_of_cookies(void **state)
{
    (void)state;
    struct lab *lab = lab_open(4, 1, 100);
    lab->lie = LIE_SILENCE;
    lab->every = 1;
    lab_run(lab, 2000, 100, 20);
    assert_int_equal(lab_count(lab, TALLY_SENT), 4 * CLIENT_JAR);
    assert_int_equal(lab_count(lab, TALLY_LOST), 4 * CLIENT_JAR);
    assert_true(lab_count(lab, TALLY_UNSENT_COOKIE) > 100);
    lab_close(lab);
}

static void lost_ones_are_resupplied(void **state)
{
    (void)state;
    struct lab *lab = lab_open(4, 1, 100);
    lab->lie = LIE_SILENCE;
    lab->every = 1;
    lab->until = 64;
    lab->supply_room = 4;
    lab->supply_ns = 1000000;
    lab_run(lab, 2000, 300, 20);
    assert_int_equal(lab_count(lab, TALLY_LOST), lab->n_lies);
    assert_true(lab_count(lab, TALLY_ANSWERED) > 100);
    assert_int_equal(lab->n_requested_twice, 0);
    lab_close(lab);
}

// RFC 8915, section 5.7: after a NAK the client starts over with NTS-KE, once.
static void a_nak(void **state)
{
    (void)state;
    struct lab *lab = lab_open(16, 1, 100);
    lab->lie = LIE_KISS;
    lab->kiss = NTSN;
    lab->every = 1;
    lab->until = 16;
    lab->supply_room = 16;
    lab->supply_ns = 20000000;
    lab_run(lab, 2000, 100, 20);
    assert_int_equal(lab_count(lab, TALLY_NAK), 16);
    assert_int_equal(lab->n_session_requests, 16);
    assert_int_equal(lab->n_sessions, 2 * 16);
    // One that was made under the old keys and left under the new ones is as good as late.
    assert_int_equal(lab_count(lab, TALLY_ANSWERED) + lab_count(lab, TALLY_LATE),
                     lab_count(lab, TALLY_SENT) - 16);
    lab_close(lab);
}

// A client whose supply is full requests again until it gets a session.
static void a_supply_that_is_full(void **state)
{
    (void)state;
    struct lab *lab = lab_open(16, 1, 100);
    lab->lie = LIE_KISS;
    lab->kiss = NTSN;
    lab->every = 1;
    lab->until = 16;
    lab->supply_room = 3;
    lab->supply_ns = 1000000;
    lab_run(lab, 2000, 1500, 20);
    assert_int_equal(lab->n_requested_twice, 0);
    assert_true(lab->n_sessions > 16 + 3); // the others' turn comes within a second
    lab_close(lab);
}

static void a_storm(void **state)
{
    (void)state;
    struct lab *lab = lab_open(32, 2, 100);
    lab->load.plan.storm_ns = 50000000;
    lab->supply_room = 32;
    lab->supply_ns = 10000000;
    // Whose jar is empty then has nothing that could be spoilt.
    clients_empty(&lab->clients, 5);
    lab_run(lab, 5000, 300, 100);
    const struct load_storm *storm = &lab->load.storm;
    assert_true(storm->at_ns != 0);
    assert_int_equal(storm->struck, 31);
    assert_int_equal(storm->recovered, 31);
    assert_int_equal(storm->needed.n, 31);
    assert_true(storm->needed.min >= 10000000 && storm->needed.max < 250000000);
    assert_true(lab_count(lab, TALLY_NAK) >= 31);
    assert_int_equal(lab->n_requested_twice, 0);
    assert_int_equal(cookies_in_jars(lab), 31 * CLIENT_JAR);
    lab_close(lab);
}

static void a_storm_without_cookies(void **state)
{
    (void)state;
    struct lab *lab = lab_open(8, 1, 0);
    lab->load.plan.storm_ns = 10000000;
    lab_run(lab, 5000, 50, 100);
    all_is_answered(lab);
    assert_int_equal(lab->load.storm.struck, 0);
    lab_close(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jars_fill_up_after_losses), cmocka_unit_test(a_path_that_is_given_up),
        cmocka_unit_test(a_path_that_is_shut),       cmocka_unit_test(out_of_cookies),
        cmocka_unit_test(lost_ones_are_resupplied),  cmocka_unit_test(a_nak),
        cmocka_unit_test(a_supply_that_is_full),     cmocka_unit_test(a_storm),
        cmocka_unit_test(a_storm_without_cookies),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
