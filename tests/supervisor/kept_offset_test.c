// What is known of the clock's steps comes back as it was written; what cannot be true does not.
#include "supervisor/kept_offset.h"

#include "base/now.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { NS = 1000000000 };
static const int64_t wall = INT64_C(1800000000) * NS;

// Written and read again. False: it is refused, and what was there stays.
static bool comes_back(const struct wall_offset *offset)
{
    const struct wall_offset before = {1, 2, 3};
    struct wall_offset got = before;
    const int fd = kept_offset_make();
    assert_true(fd >= 0);
    kept_offset_write(fd, &(struct wall_offset){wall, wall + 9, 8}); // an older one
    kept_offset_write(fd, offset);
    const bool known = kept_offset_read(fd, &got);
    assert_memory_equal(&got, known ? offset : &before, sizeof got);
    close(fd);
    return known;
}

static void what_is_possible_comes_back(void **state)
{
    (void)state;
    assert_true(comes_back(&(struct wall_offset){wall, wall, 1}));
    assert_true(comes_back(&(struct wall_offset){wall, wall + NOW_NS_PER_MS, now_ns()}));
    assert_true(comes_back(&(struct wall_offset){-5, 5, 1})); // a clock that has never been set
}

static void what_is_impossible_does_not(void **state)
{
    (void)state;
    static const struct wall_offset rows[] = {
        {0, 0, 0},                           // nothing is known
        {wall, wall - 1, 1},                 // bounds that cross
        {wall, wall + NOW_NS_PER_MS + 1, 1}, // that hardly bound anything
        {INT64_MIN, INT64_MAX, 1},           // likewise
        {wall, wall, UINT64_C(1) << 62},     // of the future
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_false(comes_back(&rows[i]));
}

static void an_empty_or_foreign_file_says_nothing(void **state)
{
    (void)state;
    struct wall_offset got = {1, 2, 3};
    const int fd = kept_offset_make();
    assert_false(kept_offset_read(fd, &got));
    kept_offset_write(fd, &(struct wall_offset){wall, wall, 1});
    assert_true(kept_offset_read(fd, &got));
    assert_int_equal(pwrite(fd, "\xff", 1, 0), 1);
    assert_false(kept_offset_read(fd, &got));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_possible_comes_back),
        cmocka_unit_test(what_is_impossible_does_not),
        cmocka_unit_test(an_empty_or_foreign_file_says_nothing),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("supervisor/kept_offset", tests, NULL, NULL);
}
