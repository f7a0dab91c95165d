// base/lane_set.h.
#include "base/lane_set.h"

#include "tests/crypto/support.h"

static void first(void **state)
{
    (void)state;
    for (unsigned n = 0; n <= LANES; n++) {
        assert_int_equal(lane_count(lane_first(n)), n);
        for (unsigned l = 0; l < LANES; l++)
            assert_int_equal((lane_first(n) & lane_bit(l)) != 0, l < n);
    }
}

static void take(void **state)
{
    (void)state;
    lane_set set = lane_bit(0) | lane_bit(7) | lane_bit(63);
    assert_int_equal(lane_take(&set), 0);
    assert_int_equal(lane_take(&set), 7);
    assert_int_equal(lane_count(set), 1);
    assert_int_equal(lane_take(&set), 63);
    assert_true(set == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first),
        cmocka_unit_test(take),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
