// The window: a request is found by its transmit timestamp and by nothing else, and a place is used
// again only when all others have been.
#include "perf/load/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint64_t seed = 1;

static uint64_t any(void)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return seed ^ seed >> 31;
}

static void sizes(void **state)
{
    (void)state;
    static const uint64_t rows[][2] = {{0, 1024},    {1, 1024},    {1024, 1024},
                                       {1025, 2048}, {5000, 8192}, {1 << 20, 1 << 20}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct window w;
        assert_int_equal(window_open(&w, rows[i][0], any()), 0);
        assert_int_equal(w.mask + 1, rows[i][1]);
        assert_int_equal(window_room(&w), rows[i][1]);
        assert_int_equal(w.slot[w.mask].state, SLOT_FREE);
        window_close(&w);
        assert_null(w.slot);
    }
}

static void each_is_found_again(void **state)
{
    (void)state;
    struct window w;
    assert_int_equal(window_open(&w, 4096, any()), 0);
    for (unsigned round = 0; round < 3; round++) {
        static struct slot *made[4096];
        for (unsigned i = 0; i < 4096; i++) {
            made[i] = window_next(&w, any());
            assert_ptr_equal(window_at(&w, made[i]->transmit), made[i]);
        }
        assert_int_equal(window_room(&w), 0);
        // Each place once: all are still found when all have been made.
        for (unsigned i = 0; i < 4096; i++) {
            assert_ptr_equal(window_at(&w, made[i]->transmit), made[i]);
            assert_ptr_equal(made[i], &w.slot[i]);
        }
        w.tail = w.head;
        assert_int_equal(window_room(&w), 4096);
    }
    window_close(&w);
}

static void random_octets_stay_in_it(void **state)
{
    (void)state;
    struct window w;
    assert_int_equal(window_open(&w, 1024, any()), 0);
    uint64_t zeros = 0, ones = 0, last = 0;
    unsigned repeated = 0;
    for (unsigned i = 0; i < 1024; i++) {
        uint64_t random = any();
        uint64_t transmit = window_next(&w, random)->transmit;
        assert_int_equal(transmit & ~w.mask, random & ~w.mask);
        zeros |= ~transmit;
        ones |= transmit;
        repeated += transmit == last;
        last = transmit;
    }
    assert_int_equal(repeated, 0);
    assert_true(zeros == UINT64_MAX && ones == UINT64_MAX); // no bit stands still
    window_close(&w);
}

static void any_timestamp_names_a_place(void **state)
{
    (void)state;
    struct window w;
    assert_int_equal(window_open(&w, 1024, any()), 0);
    static const uint64_t edges[] = {0, UINT64_MAX, 1023, 1024, 1ULL << 63};
    for (unsigned i = 0; i < sizeof edges / sizeof *edges; i++) {
        struct slot *slot = window_at(&w, edges[i]);
        assert_true(slot >= w.slot && slot <= w.slot + w.mask);
    }
    // Where the cover shows, replies to unsent requests could be made up.
    assert_ptr_equal(window_at(&w, w.cover), &w.slot[0]);
    window_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(each_is_found_again),
        cmocka_unit_test(random_octets_stay_in_it),
        cmocka_unit_test(any_timestamp_names_a_place),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
