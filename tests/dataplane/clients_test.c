// What is shown of the clients, minute by minute: seconds are calls here. clients.c is part of this
// file, so that the key is always the same: with any key two of few clients may share a register.
#include "dataplane/clients.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { THREADS = 2 };

static struct board_dataplane board;
static struct clients *clients;

static void pass(unsigned seconds)
{
    while (seconds-- > 0)
        clients_second(clients);
}

static void count(uint32_t thread, uint64_t from, uint64_t n)
{
    struct unique_counter *counter = clients_counter(clients, thread);
    for (uint64_t i = from; i < from + n; i++) {
        unique_follow(counter);
        unique_count(unique_half(counter), unique_hash(counter->windows->key, i));
    }
}

static int open_all(void **state)
{
    (void)state;
    memset(&board, 0, sizeof board);
    const int fault = clients_open(THREADS, &board, &clients);
    clients->windows.key = (struct unique_key){UINT64_C(0x9e3779b97f4a7c15), 3};
    return fault;
}

static int close_all(void **state)
{
    (void)state;
    clients_close(clients);
    return 0;
}

static void nothing_before_the_first_minute(void **state)
{
    (void)state;
    count(0, 0, 10);
    pass(SECONDS);
    assert_int_equal(board.clients_minute, 0);
    // A core that had not seen the end of the minute yet.
    pass(1);
    assert_int_equal(board.clients_minute, 0);
    pass(1);
    assert_int_equal(board.clients_minute, 10);
    assert_int_equal(board.clients_hour, 10);
}

// Clients of several threads and minutes count once in the hour.
static void the_hour_moves_on(void **state)
{
    (void)state;
    pass(2);
    for (unsigned minute = 0; minute < 70; minute++) {
        count(0, minute, 4);
        count(1, minute + 2, 4); // 6 different ones in each minute
        pass(SECONDS);
        assert_int_equal(board.clients_minute, 6);
        const uint64_t all = minute < 60 ? minute + 6 : 59 + 6;
        assert_true(board.clients_hour + 1 >= all && board.clients_hour <= all + 1);
    }
    // Nobody comes any more.
    pass(SECONDS);
    assert_int_equal(board.clients_minute, 0);
    pass(58 * SECONDS);
    assert_int_equal(board.clients_hour, 6);
    pass(SECONDS);
    assert_int_equal(board.clients_hour, 0);
}

static void nobody_counts(void **state)
{
    (void)state;
    assert_null(clients_counter(NULL, 1));
    clients_second(NULL);
    clients_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_before_the_first_minute, open_all, close_all),
        cmocka_unit_test_setup_teardown(the_hour_moves_on, open_all, close_all),
        cmocka_unit_test(nobody_counts),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
