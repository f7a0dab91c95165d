// The stamps' line through the board.
#include "board/stamp_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// Three ticks a nanosecond.
static const struct stamp_line good = {
    .stamp_base = 5, .tsc_base = 7, .rate = UINT64_C(3) << STAMP_RATE_SHIFT, .until = 9};

static void expect(struct stamp_line line, bool sound)
{
    struct snapshot board = {0};
    struct stamp_line_view view = {0};
    snapshot_publish(&board, &good, sizeof good);
    assert_true(stamp_line_refresh(&board, &view));
    assert_false(stamp_line_refresh(&board, &view));
    snapshot_publish(&board, &line, sizeof line);
    assert_int_equal(stamp_line_refresh(&board, &view), sound);
    assert_int_equal(view.refused, !sound);
    assert_memory_equal(&view.line, sound ? &line : &good, sizeof line);
}

static void what_is_out_of_range_is_kept_out(void **state)
{
    (void)state;
    expect((struct stamp_line){0}, true); // there is no line
    struct stamp_line line = good;
    line.rate = 0;
    expect(line, false);
    line.rate = (UINT64_C(1) << STAMP_RATE_SHIFT) / 21;
    expect(line, false);
    line.rate = (UINT64_C(20) << STAMP_RATE_SHIFT) + 1;
    expect(line, false);
    line.rate = UINT64_C(20) << STAMP_RATE_SHIFT;
    expect(line, true);
    line = good;
    line.bound_ns = 1000000000;
    line.growth_ppb = 100000000;
    expect(line, true);
    line.bound_ns++;
    expect(line, false);
    line = good;
    line.growth_ppb = 100000001;
    expect(line, false);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_out_of_range_is_kept_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
