// F29: the smear of a leap second as a pure step, held against a clock that counts seconds and
// knows nothing of dates.
#include "control/time/smear.h"

#include "base/ntp_time.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define S ((int64_t)NS_PER_S)
#define MIDNIGHT 1483228800 // 2017-01-01, behind the last leap second that there was
#define NOON ((MIDNIGHT - 43200) * S)

static struct leap_list listed(int by)
{
    return (struct leap_list){.expires_s = MIDNIGHT + 1000000,
                              .n = 2,
                              .leap = {{MIDNIGHT - 86400 * 550, 1}, {MIDNIGHT, by}}};
}

// CLOCK_REALTIME at so many true nanoseconds behind the noon at which the smear begins.
static int64_t clock_at(int64_t gone_ns, int by, bool *behind)
{
    *behind = gone_ns >= (43200 + (by < 0 ? by : 0)) * S;
    return NOON + gone_ns - (*behind ? by * S : 0);
}

// The same as a smeared time: 86400 seconds, each longer or shorter.
static double smeared_at(int64_t gone_ns, int by)
{
    if (gone_ns <= 0)
        return (double)gone_ns;
    if (gone_ns >= (86400 + by) * S)
        return (double)(gone_ns - by * S);
    return (double)gone_ns * 86400.0 / (86400 + by);
}

// From two hours before it to two hours behind it. step_ns has no whole number of a second.
static void whole(int by, int64_t step_ns)
{
    const struct leap_list list = listed(by);
    struct smear smear = {0};
    bool was_behind = false;
    double last = -INFINITY;
    for (int64_t gone_ns = -7200 * S; gone_ns < 93600 * S; gone_ns += step_ns) {
        bool behind;
        const int64_t utc_ns = clock_at(gone_ns, by, &behind);
        if (behind && !was_behind)
            assert_true(smear_stepped(&smear, utc_ns, -by * (double)S + 20e6));
        was_behind = behind;
        const struct smear_now now = smear_step(&smear, &list, utc_ns, true);
        assert_int_equal(now.state, gone_ns < (86400 + by) * S ? SMEAR_ON : SMEAR_NONE);
        const double served = (double)(utc_ns - NOON) + now.ns;
        if (fabs(served - smeared_at(gone_ns, by)) > 50)
            fail_msg("%.9f s behind noon: served %.9f s", (double)gone_ns / 1e9, served / 1e9);
        assert_true(served > last);
        last = served;
        const bool within = gone_ns > 0 && gone_ns < (86400 + by) * S;
        assert_true(fabs(now.rate + (within ? by / (86400.0 + by) : 0)) < 1e-15);
        if (now.state == SMEAR_ON)
            assert_int_equal(now.of, by > 0 ? LEAP_INSERT : LEAP_DELETE);
    }
}

static void inserted(void **state)
{
    (void)state;
    whole(1, 97 * S / 100);
}

static void deleted(void **state)
{
    (void)state;
    whole(-1, 97 * S / 100);
}

// A restart goes on with it: the same from nothing at any moment, but for the seconds in which
// nobody can know whether the clock has jumped. It never invents one.
static void begun_anew(void **state)
{
    (void)state;
    for (int by = -1; by <= 1; by += 2) {
        const struct leap_list list = listed(by);
        for (int64_t gone_ns = -100000 * S; gone_ns < 200000 * S; gone_ns += 337 * S / 2) {
            bool behind;
            const int64_t utc_ns = clock_at(gone_ns, by, &behind);
            struct smear fresh = {0};
            const struct smear_now now = smear_step(&fresh, &list, utc_ns, true);
            if (llabs(utc_ns - MIDNIGHT * S) < 3 * S)
                continue;
            assert_true(fabs((double)(utc_ns - NOON) + now.ns - smeared_at(gone_ns, by)) < 50);
        }
        for (int64_t off = -19; off < 20; off++) {
            struct smear fresh = {0};
            const int64_t utc_ns = MIDNIGHT * S + off * S / 10;
            assert_int_equal(smear_step(&fresh, &list, utc_ns, true).state, SMEAR_LOST);
            // No step of these seconds is taken for the jump either.
            assert_false(smear_stepped(&fresh, utc_ns, -by * (double)S));
        }
    }
    struct smear smear = {0};
    const struct leap_list none = {.expires_s = MIDNIGHT};
    assert_int_equal(smear_step(&smear, &none, MIDNIGHT * S, true).state, SMEAR_NONE);
    assert_false(smear_stepped(&smear, MIDNIGHT * S, -(double)S));
}

static struct smear before_the_jump(const struct leap_list *list)
{
    struct smear smear = {0};
    assert_int_equal(smear_step(&smear, list, (MIDNIGHT - 100) * S, true).state, SMEAR_ON);
    assert_int_equal(smear_step(&smear, list, MIDNIGHT * S + S, true).state, SMEAR_ON);
    assert_int_equal(smear_step(&smear, list, (MIDNIGHT + 3) * S, true).state, SMEAR_LOST);
    return smear;
}

// A clock that goes on without its jump is wrong by a second: nothing is served until it is mended,
// by a step, or by a slew during which its source says that it is wrong.
static void a_jump_that_is_not_made(void **state)
{
    (void)state;
    const struct leap_list list = listed(1);
    struct smear smear = before_the_jump(&list);
    assert_int_equal(smear_step(&smear, &list, (MIDNIGHT + 600) * S, true).state, SMEAR_LOST);
    assert_false(smear_stepped(&smear, (MIDNIGHT + 599) * S, -(double)S));
    struct smear_now now = smear_step(&smear, &list, (MIDNIGHT + 599) * S, true);
    assert_int_equal(now.state, SMEAR_ON);
    assert_true(now.ns > 0); // behind it

    smear = before_the_jump(&list);
    assert_int_equal(smear_step(&smear, &list, (MIDNIGHT + 4) * S, false).state, SMEAR_LOST);
    now = smear_step(&smear, &list, (MIDNIGHT + 16) * S, true);
    assert_int_equal(now.state, SMEAR_ON);
    assert_true(now.ns > 0);

    smear = before_the_jump(&list);
    assert_int_equal(smear_step(&smear, &list, (MIDNIGHT + 43200) * S, true).state, SMEAR_NONE);
}

// Another step is no jump: the date decides again.
static void other_steps(void **state)
{
    (void)state;
    const struct leap_list list = listed(1);
    struct smear smear = {0};
    smear_step(&smear, &list, (MIDNIGHT - 3600) * S, true);
    assert_false(smear_stepped(&smear, (MIDNIGHT + 3600) * S, 7200 * (double)S));
    assert_true(smear_step(&smear, &list, (MIDNIGHT + 3600) * S, true).ns > 0);
    assert_false(smear_stepped(&smear, (MIDNIGHT - 3600) * S, -7200 * (double)S));
    assert_true(smear_step(&smear, &list, (MIDNIGHT - 3600) * S, true).ns < 0);
    // A step of one second that is not at midnight, and a step at midnight that is not one second.
    assert_false(smear_stepped(&smear, (MIDNIGHT - 3601) * S, -(double)S));
    smear_step(&smear, &list, MIDNIGHT * S - 4 * S, true);
    assert_false(smear_stepped(&smear, (MIDNIGHT - 1) * S, -0.9 * (double)S));
    assert_int_equal(smear_step(&smear, &list, (MIDNIGHT - 1) * S, true).state, SMEAR_LOST);
    assert_int_equal(smear_step(&smear, &list, (MIDNIGHT + 2) * S, true).state, SMEAR_ON);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inserted),    cmocka_unit_test(deleted),
        cmocka_unit_test(begun_anew),  cmocka_unit_test(a_jump_that_is_not_made),
        cmocka_unit_test(other_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
