// Readings of a hardware clock: the narrowest, and what it says of two clocks.
#include "control/time/phc.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define T INT64_C(1767225600123456789)

static void the_narrowest_is_taken(void **state)
{
    (void)state;
    const struct phc_reading readings[] = {{T, T + 900, T + 1000},
                                           {T, T, T + 400},
                                           {T, T, T - 1},
                                           {T, T + 100, T + 300},
                                           {T, T, T + 5000}};
    assert_ptr_equal(phc_narrowest(readings, 5), &readings[3]);
    assert_ptr_equal(phc_narrowest(readings, 1), &readings[0]);
    assert_null(phc_narrowest(readings, 0));
    assert_null(phc_narrowest(readings, -EIO));
    assert_null(phc_narrowest(&readings[2], 1)); // the system's clock was put back
}

static void offsets_to_the_nanosecond(void **state)
{
    (void)state;
    double unsure_s;
    const struct phc_reading utc = {T, T + 150, T + 300};
    assert_true(fabs(phc_offset_s(&utc, 0, &unsure_s)) < 1e-12);
    assert_true(fabs(unsure_s - 151e-9) < 1e-12);
    const struct phc_reading tai = {T, T + INT64_C(37000000000) + 140, T + 300};
    assert_true(fabs(phc_offset_s(&tai, 37, &unsure_s) - -10e-9) < 1e-12);
    assert_true(fabs(phc_offset_s(&tai, 0, &unsure_s) - 37) < 1e-6);
    const struct phc_reading precise = {T, T + 3, T}; // both at once
    assert_true(fabs(phc_offset_s(&precise, 0, &unsure_s) - 3e-9) < 1e-12);
    assert_true(unsure_s > 0 && unsure_s < 2e-9);
}

static int result;
static struct phc_reading given;

static int read_given(void *self, struct phc_reading *readings, int n)
{
    (void)self;
    assert_int_equal(n, PHC_READINGS);
    readings[0] = given;
    return result;
}

static uint64_t read_now(void *self)
{
    return *(const uint64_t *)self;
}

// A reading that failed leaves the last good one, with its age, and says why.
static void what_is_published(void **state)
{
    (void)state;
    static struct snapshot snapshot;
    uint64_t now_ns = 1000, seen = 0;
    const struct phc_reader reader = {.self = &now_ns, .read = read_given, .now_ns = read_now};
    struct phc_word word = {0}, got;
    result = -EIO;
    phc_read_once(&reader, &word, &snapshot);
    assert_true(snapshot_read(&snapshot, &got, sizeof got, &seen));
    assert_true(got.read_ns == 0 && got.fault == -EIO);
    result = 1;
    given = (struct phc_reading){T, T + 1, T + 2};
    now_ns = 2000;
    phc_read_once(&reader, &word, &snapshot);
    assert_true(snapshot_read(&snapshot, &got, sizeof got, &seen));
    assert_true(got.read_ns == 2000 && got.fault == 0);
    assert_memory_equal(&got.reading, &given, sizeof given);
    result = -ENODEV;
    now_ns = 3000;
    phc_read_once(&reader, &word, &snapshot);
    assert_true(snapshot_read(&snapshot, &got, sizeof got, &seen));
    assert_true(got.read_ns == 2000 && got.fault == -ENODEV);
    result = 1;
    given.after_ns = T - 5;
    phc_read_once(&reader, &word, &snapshot);
    assert_true(snapshot_read(&snapshot, &got, sizeof got, &seen));
    assert_true(got.read_ns == 2000 && got.fault == -ERANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_narrowest_is_taken),
        cmocka_unit_test(offsets_to_the_nanosecond),
        cmocka_unit_test(what_is_published),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("control/time/phc", tests, NULL, NULL);
}
