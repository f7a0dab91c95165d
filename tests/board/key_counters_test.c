// The rows of the keys' counters through changes of the set.
#include "board/key_counters.h"

#include "board/board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct key_count count_of(const struct key_counters *counters, uint32_t id)
{
    struct key_count count = {0};
    key_counters_read(counters, id, &count);
    return count;
}

static void count(struct key_counters *counters, uint8_t row, uint64_t opened, uint64_t sealed)
{
    atomic_fetch_add(&counters->row[row].opened, opened);
    atomic_fetch_add(&counters->row[row].sealed, sealed);
}

// A key keeps its counts at another place of the set, and a new one begins at 0 in its row.
static void a_key_keeps_its_counts(void **state)
{
    (void)state;
    struct key_counters counters = {0};
    uint8_t row[COOKIE_KEYS_MAX];
    const uint32_t first[] = {7, 0}; // any id is legal
    key_counters_follow(&counters, first, 2, row);
    assert_int_not_equal(row[0], row[1]);
    count(&counters, row[0], 3, 4);
    count(&counters, row[1], 0, 1);
    const uint32_t second[] = {0, 9, 7};
    key_counters_follow(&counters, second, 3, row);
    count(&counters, row[2], 10, 0);
    assert_int_equal(count_of(&counters, 7).opened, 13);
    assert_int_equal(count_of(&counters, 7).sealed, 4);
    assert_int_equal(count_of(&counters, 0).sealed, 1);
    assert_int_equal(count_of(&counters, 9).sealed, 0);
    assert_int_equal(count_of(&counters, 1).opened, 0);
    const uint32_t third[] = {9, 8};
    key_counters_follow(&counters, third, 2, row);
    count(&counters, row[1], 5, 0);
    assert_int_equal(count_of(&counters, 7).opened, 0); // gone
    assert_int_equal(count_of(&counters, 8).opened, 5); // in a row that another key has had
}

static void all_rows_are_used(void **state)
{
    (void)state;
    struct key_counters counters = {0};
    uint8_t row[COOKIE_KEYS_MAX];
    for (uint32_t turn = 0; turn < 20; turn++) {
        uint32_t id[COOKIE_KEYS_MAX], seen = 0;
        for (uint32_t i = 0; i < COOKIE_KEYS_MAX; i++)
            id[i] = turn + i;
        key_counters_follow(&counters, id, COOKIE_KEYS_MAX, row);
        for (uint32_t i = 0; i < COOKIE_KEYS_MAX; i++) {
            seen |= 1u << row[i];
            count(&counters, row[i], 1, 0);
            assert_int_equal(count_of(&counters, id[i]).opened,
                             (turn < COOKIE_KEYS_MAX - i ? turn : COOKIE_KEYS_MAX - 1 - i) + 1);
        }
        assert_int_equal(seen, 0xff);
    }
}

// All cores, the kernel's path and ke together.
static void the_board_adds_all_up(void **state)
{
    (void)state;
    struct board_dataplane *dataplane = calloc(1, sizeof *dataplane);
    struct board_ke *ke = calloc(1, sizeof *ke);
    const uint32_t id = 5;
    uint8_t row[COOKIE_KEYS_MAX];
    atomic_store(&dataplane->n_cores, 2);
    struct key_counters *pages[] = {&dataplane->core_keys[0], &dataplane->core_keys[1],
                                    &dataplane->core_keys[2], &dataplane->kernel_path_keys,
                                    &ke->keys};
    uint64_t n = 1;
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++, n *= 10) {
        key_counters_follow(pages[i], &id, 1, row);
        count(pages[i], row[0], n, 2 * n);
    }
    const struct key_count sum = board_key_count(dataplane, ke, id);
    assert_int_equal(sum.opened, 11011); // there is no third core
    assert_int_equal(sum.sealed, 22022);
    free(dataplane);
    free(ke);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_keeps_its_counts),
        cmocka_unit_test(all_rows_are_used),
        cmocka_unit_test(the_board_adds_all_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
