// F29: when a leap second is announced, when the line is void, and which step it explains.
#include "control/time/leap.h"

#include "base/ntp_time.h"
#include "board/ntp_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define S ((int64_t)NS_PER_S)
#define MIDNIGHT (INT64_C(1483228800) * S) // 2017-01-01, behind the last leap second that there was

static void announced_on_its_day_alone(void **state)
{
    (void)state;
    struct leap leap = {0};
    assert_int_equal(leap_announced(&leap, LEAP_NONE, MIDNIGHT - 50000 * S), LEAP_NONE);
    assert_int_equal(leap_announced(&leap, LEAP_INSERT, MIDNIGHT - 40000 * S), LEAP_INSERT);
    assert_int_equal(leap_announced(&leap, LEAP_INSERT, MIDNIGHT - 1), LEAP_INSERT);
    // The second is over, and the source has not noticed yet.
    assert_int_equal(leap_announced(&leap, LEAP_INSERT, MIDNIGHT), LEAP_NONE);
    assert_int_equal(leap_announced(&leap, LEAP_INSERT, MIDNIGHT + 50000 * S), LEAP_NONE);
    assert_int_equal(leap_announced(&leap, LEAP_NONE, MIDNIGHT + 50000 * S), LEAP_NONE);
    assert_int_equal(leap_announced(&leap, LEAP_DELETE, MIDNIGHT + 60000 * S), LEAP_DELETE);
    assert_int_equal(leap_announced(&leap, LEAP_INSERT, -1), LEAP_INSERT);
    assert_int_equal(leap_announced(&leap, LEAP_INSERT, 0), LEAP_NONE);
}

static void the_line_is_void_before_the_jump(void **state)
{
    (void)state;
    struct leap leap = {0};
    leap_announced(&leap, LEAP_NONE, MIDNIGHT - S);
    assert_int_equal(leap_void_ns(&leap, MIDNIGHT - S), 0);
    leap_announced(&leap, LEAP_INSERT, MIDNIGHT - 100 * S);
    assert_int_equal(leap_void_ns(&leap, MIDNIGHT - 100 * S), 0);
    assert_int_equal(leap_void_ns(&leap, MIDNIGHT - S), MIDNIGHT - LEAP_MARGIN_NS);
    assert_int_equal(leap_void_ns(&leap, MIDNIGHT - 1), MIDNIGHT - LEAP_MARGIN_NS);
    assert_int_equal(leap_void_ns(&leap, MIDNIGHT),
                     0); // it did not come: smeared, or a false alarm
    leap_announced(&leap, LEAP_DELETE, MIDNIGHT - 100 * S);
    assert_int_equal(leap_void_ns(&leap, MIDNIGHT - 2 * S), MIDNIGHT - S - LEAP_MARGIN_NS);
}

static void a_jump_is_explained_once(void **state)
{
    (void)state;
    struct leap leap = {0};
    leap_announced(&leap, LEAP_NONE, MIDNIGHT - S);
    assert_false(leap_explains(&leap, MIDNIGHT - S, -1e9));
    leap_announced(&leap, LEAP_INSERT, MIDNIGHT - 100 * S);
    assert_false(leap_explains(&leap, MIDNIGHT - 100 * S, -1e9)); // at another time
    assert_false(leap_explains(&leap, MIDNIGHT - S, 1e9));        // the other way
    assert_false(leap_explains(&leap, MIDNIGHT - S, -1.1e9));
    assert_true(leap_explains(&leap, MIDNIGHT - S + 30000000, -1.0001e9));
    // In the inserted second it is still announced, and no other jump follows.
    assert_int_equal(leap_announced(&leap, LEAP_INSERT, MIDNIGHT - S / 2), LEAP_INSERT);
    assert_int_equal(leap_void_ns(&leap, MIDNIGHT - S / 2), 0);
    assert_false(leap_explains(&leap, MIDNIGHT - S / 2, -1e9));

    leap_announced(&leap, LEAP_NONE, MIDNIGHT);
    leap_announced(&leap, LEAP_DELETE, MIDNIGHT - 100 * S);
    assert_false(leap_explains(&leap, MIDNIGHT, -1e9));
    assert_true(leap_explains(&leap, MIDNIGHT + 30000000, 1e9));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(announced_on_its_day_alone),
        cmocka_unit_test(the_line_is_void_before_the_jump),
        cmocka_unit_test(a_jump_is_explained_once),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("control/time/leap", tests, NULL, NULL);
}
