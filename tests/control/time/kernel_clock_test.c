// What the kernel's maxerror says of a clock that is kept, and of one that nobody keeps any more.
#include "control/time/kernel_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { LOOKS = 20 }; // a second

static struct kernel_clock judge;
static struct timex kernel;
static uint64_t now_ns;

static int setup(void **state)
{
    (void)state;
    judge = (struct kernel_clock){0};
    kernel = (struct timex){.status = STA_PLL, .esterror = 50};
    now_ns = UINT64_C(100000000000000);
    return 0;
}

static struct kernel_verdict look(void)
{
    return kernel_clock_look(&judge, TIME_OK, &kernel, now_ns);
}

// Lets seconds pass; the kernel's own step comes once in each. Returns the greatest error told.
static double pass(unsigned seconds)
{
    double worst = 0;
    for (unsigned i = 0; i < seconds * LOOKS; i++) {
        now_ns += UINT64_C(1000000000) / LOOKS;
        if (i % LOOKS == LOOKS / 2)
            kernel.maxerror += 500;
        const double error_s = look().error_s;
        worst = error_s > worst ? error_s : worst;
    }
    return worst;
}

// n times: an update, then nothing for an interval.
static double keep(unsigned n, unsigned interval_s, long error_us)
{
    double worst = 0;
    for (unsigned i = 0; i < n; i++) {
        kernel.maxerror = error_us + (long)i;
        const double error_s = pass(interval_s);
        worst = error_s > worst ? error_s : worst;
    }
    return worst;
}

static void a_kept_clock_does_not_grow(void **state)
{
    (void)state;
    keep(1, 64, 3000);
    assert_true(keep(5, 64, 3000) < 0.003 + 64 * 15e-6 + 1e-5);
    assert_true(look().error_s > 0.003 + 60 * 15e-6); // what chronyd said, and 15 ppm
}

static void a_refclock_is_not_blurred(void **state)
{
    (void)state;
    keep(1, 1, 100);
    assert_true(keep(100, 1, 100) < 0.0003);
}

static void the_longest_polls_are_learned(void **state)
{
    (void)state;
    keep(2, 1024, 5000);
    assert_true(keep(2, 1024, 5000) < 0.03);
    keep(2, 4096, 5000); // the first of these is not known to be so long
    assert_true(keep(2, 4096, 5000) < 0.08);
}

// Before an update has been seen: the error cannot be told from its growth.
static void a_start_before_the_first_update(void **state)
{
    (void)state;
    kernel.maxerror = 800;
    assert_true(look().error_s > 0.0007 && look().error_s < 0.0009);
    setup(NULL);
    kernel.maxerror = 512000;
    assert_true(look().error_s > 0.05 && look().error_s < 0.08);
    setup(NULL);
    kernel.maxerror = 512000;
    kernel.esterror = 200000;
    assert_true(look().error_s >= 0.2);
    setup(NULL);
    kernel.maxerror = 2000000; // more than growth can explain
    assert_true(look().error_s > 1.4);
    setup(NULL);
    kernel.maxerror = 512000; // marked: nothing says that anybody keeps it
    kernel.status = STA_UNSYNC;
    assert_true(look().error_s > 0.51);
    kernel.maxerror = 5000;
    assert_true(look().error_s < 0.0051);
    assert_true(pass(60) < 0.007); // an update was seen
}

// Overdue by more than its interval and a half: the kernel's number counts as it is.
static void nobody_keeps_it_any_more(void **state)
{
    (void)state;
    const unsigned interval[] = {1, 64, 1024};
    for (unsigned i = 0; i < 3; i++) {
        setup(NULL);
        keep(4, interval[i], 3000);
        const unsigned limit_s = interval[i] < 32 ? 80 : interval[i] * 5 / 2;
        assert_true(pass(limit_s - interval[i] - 1) < 0.05);
        pass(2);
        assert_true(look().error_s > 0.0029 + limit_s * 500e-6);
        pass(3000 - limit_s - 2 * (limit_s == interval[i]));
        assert_true(look().error_s > 1.49);
    }
    setup(NULL);
    kernel.maxerror = 300000; // never kept while we looked
    look();
    pass(1024 * 5 / 4 - 500 + 2);
    assert_true(look().error_s > 0.68);
}

// We were held up: the kernel's steps of that time are no update.
static void a_gap_of_ours_is_no_update(void **state)
{
    (void)state;
    keep(2, 64, 3000);
    now_ns += UINT64_C(10000000000);
    kernel.maxerror += 10 * 500;
    assert_true(look().error_s < 0.0045);
    kernel.maxerror += 1000; // too soon for two steps: said by somebody
    assert_true(look().error_s > 0.04);
}

static void the_kernel_may_be_silent(void **state)
{
    (void)state;
    assert_false(kernel_clock_look(&judge, -1, &kernel, now_ns).good);
    assert_false(kernel_clock_look(&judge, TIME_ERROR, &kernel, now_ns).good);
    kernel.status = STA_UNSYNC;
    assert_true(kernel_clock_look(&judge, TIME_ERROR, &kernel, now_ns).good);
    assert_true(kernel_clock_look(&judge, TIME_ERROR, &kernel, now_ns).marked);
    kernel.status = STA_UNSYNC | STA_CLOCKERR;
    assert_false(kernel_clock_look(&judge, TIME_ERROR, &kernel, now_ns).good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_kept_clock_does_not_grow, setup),
        cmocka_unit_test_setup(a_refclock_is_not_blurred, setup),
        cmocka_unit_test_setup(the_longest_polls_are_learned, setup),
        cmocka_unit_test_setup(a_start_before_the_first_update, setup),
        cmocka_unit_test_setup(nobody_keeps_it_any_more, setup),
        cmocka_unit_test_setup(a_gap_of_ours_is_no_update, setup),
        cmocka_unit_test_setup(the_kernel_may_be_silent, setup),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("control/time/kernel_clock", tests, NULL, NULL);
}
