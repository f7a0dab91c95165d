// The difference of the two clocks: bounds that come closer, and steps.
#include "board/wall_offset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { S = 1000000000 };

// What is known is never so wrong that an arrival would be too early.
static void a_stamp_is_never_too_early(void **state)
{
    (void)state;
    const int64_t truth = 1700000000LL * S;
    struct wall_offset offset = {0};
    uint64_t got = 0, width = 1000;
    assert_false(wall_offset_convert(&offset, truth + 5, &got));
    for (uint64_t now = S; now < S + 100 * (uint64_t)width; now += width) {
        // Read near the end, near the beginning, and anywhere.
        const uint64_t at = now + now / width * 37 % (width + 1);
        wall_offset_note(&offset, now, truth + (int64_t)at, now + width);
        assert_true(offset.least_ns <= truth && truth <= offset.most_ns);
        assert_true(wall_offset_convert(&offset, truth + (int64_t)at, &got) || at < S + width);
        assert_true(got >= at && got <= at + width);
    }
    assert_int_equal(offset.since_ns, S + width);
    assert_true(offset.most_ns - offset.least_ns < 100); // they have come closer
}

// A stamp from before a step is known as one, in either direction; a step that is smaller than the
// readings are wide does no more harm than they do.
static void a_step_is_noticed(void **state)
{
    (void)state;
    static const int64_t steps[] = {-S, S, -300, 300};
    for (unsigned i = 0; i < 4; i++) {
        int64_t truth = 5 * (int64_t)S;
        struct wall_offset offset = {0};
        uint64_t got;
        wall_offset_note(&offset, 1000, truth + 1050, 1100);
        assert_true(wall_offset_convert(&offset, truth + 2000, &got));
        truth += steps[i];
        wall_offset_note(&offset, 3000, truth + 3050, 3100);
        assert_int_equal(offset.since_ns, 3100);
        assert_false(wall_offset_convert(&offset, truth + 2000, &got));
        assert_true(wall_offset_convert(&offset, truth + 3200, &got));
        assert_true(got >= 3200 && got <= 3300);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stamp_is_never_too_early),
        cmocka_unit_test(a_step_is_noticed),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("board/wall_offset", tests, NULL, NULL);
}
