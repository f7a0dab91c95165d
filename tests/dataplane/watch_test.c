// F3: a stuck polling thread is detected. F30: a thread that only does not get its CPU does not
// count as stuck.
#include "dataplane/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MS = 1000000 };

// The looks that it takes until verdict, at most 200; each look sees cpu_ms more of CPU time.
static int looks_until(enum watch_verdict verdict, char state, uint64_t cpu_ms)
{
    struct watch watch = {0};
    struct watch_look look = {.beat = 7, .state = 'R'};
    assert_int_equal(watch_judge(&watch, &look), WATCH_FINE);
    look.state = state;
    for (int n = 1; n <= 200; n++) {
        look.cpu_ns += cpu_ms * MS;
        if (watch_judge(&watch, &look) == verdict)
            return n;
    }
    return 0;
}

static void test_spinning(void **state)
{
    (void)state;
    assert_int_equal(looks_until(WATCH_STUCK, 'R', WATCH_LOOK_MS), 5); // 0.5 s of its own time
    assert_int_equal(looks_until(WATCH_STUCK, 'R', 10), 50); // a tenth of a CPU is left it
}

static void test_stopped(void **state)
{
    (void)state;
    assert_int_equal(looks_until(WATCH_STUCK, 't', 0), 8); // 0.8 s: within F3's second
    assert_int_equal(looks_until(WATCH_STUCK, 'T', 0), 8);
    assert_int_equal(looks_until(WATCH_STUCK, 'S', 0), 30); // a driver may wait for a second
    assert_int_equal(looks_until(WATCH_STUCK, 'D', 0), 30);
    assert_int_equal(looks_until(WATCH_STUCK, '?', 0), 30);
    assert_int_equal(looks_until(WATCH_STUCK, WATCH_ENDED, 0), 1);
}

static void test_starved(void **state)
{
    (void)state;
    assert_int_equal(looks_until(WATCH_STUCK, 'R', 0), 0);
    assert_int_equal(looks_until(WATCH_STARVED, 'R', 0), 30);
}

static void test_beats(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct watch_look look = {.state = 'R'};
    for (int n = 0; n < 1000; n++) {
        look.beat += n % 4 == 0; // rarely, but it does
        look.cpu_ns += WATCH_LOOK_MS * MS;
        assert_int_equal(watch_judge(&watch, &look), WATCH_FINE);
    }
}

// A thread that is stopped for a moment again and again has beaten, or run, between.
static void test_moments(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct watch_look look = {.beat = 1, .state = 'R'};
    for (int n = 0; n < 100; n++) {
        look.state = n % 6 == 0 ? 'R' : 't';
        assert_int_not_equal(watch_judge(&watch, &look), WATCH_STUCK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spinning), cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_starved),  cmocka_unit_test(test_beats),
        cmocka_unit_test(test_moments),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
