// The loop over control's errands: which errands run, in which order, and how long it sleeps.
#include "control/errands.h"

#include "base/now.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// What the turns write down: a letter each.
struct control {
    char turns[32];
    uint64_t now;
};

static uint64_t next_a, next_b; // what the turns return

static void note(struct control *c, char letter, uint64_t now)
{
    size_t len = strlen(c->turns);
    assert_true(len + 1 < sizeof c->turns);
    c->turns[len] = letter;
    c->now = now;
}

static uint64_t turn_a(struct control *c, uint64_t now)
{
    note(c, 'a', now);
    return next_a;
}

static uint64_t turn_b(struct control *c, uint64_t now)
{
    note(c, 'b', now);
    return next_b;
}

static void both_due(void **state) // each has one turn, in the table's order, at the same time
{
    (void)state;
    struct control c = {0};
    struct errand errands[] = {{"b", -1, 0, turn_b}, {"a", -1, 0, turn_a}};
    int epoll;
    next_a = next_b = ERRAND_NEVER;
    assert_int_equal(errands_watch(errands, 2, &epoll), 0);
    uint64_t before = now_ns();
    errands_turn(errands, 2, epoll, 10000, &c); // does not sleep
    assert_string_equal(c.turns, "ba");
    assert_true(c.now >= before && c.now <= now_ns());
    close(epoll);
}

static void never(void **state) // a turn that returns so is not called again; the sleep has an end
{
    (void)state;
    struct control c = {0};
    struct errand errands[] = {{"a", -1, 0, turn_a}};
    int epoll;
    next_a = ERRAND_NEVER;
    assert_int_equal(errands_watch(errands, 1, &epoll), 0);
    for (int i = 0; i < 3; i++)
        errands_turn(errands, 1, epoll, 1, &c);
    assert_string_equal(c.turns, "a");
    close(epoll);
}

static void by_descriptor(void **state) // without a due time: when it can be read, and at its end
{
    (void)state;
    struct control c = {0};
    int pipes[2];
    char octet = 'x';
    assert_int_equal(pipe(pipes), 0);
    struct errand errands[] = {{"a", -1, ERRAND_NEVER, turn_a},
                               {"b", pipes[0], ERRAND_NEVER, turn_b}};
    int epoll;
    next_a = next_b = ERRAND_NEVER;
    assert_int_equal(errands_watch(errands, 2, &epoll), 0);
    errands_turn(errands, 2, epoll, 1, &c);
    assert_string_equal(c.turns, "");

    assert_int_equal(write(pipes[1], &octet, 1), 1);
    errands_turn(errands, 2, epoll, 10000, &c);
    errands_turn(errands, 2, epoll, 10000, &c); // nobody has read it
    assert_string_equal(c.turns, "bb");

    assert_int_equal(read(pipes[0], &octet, 1), 1);
    errands_turn(errands, 2, epoll, 1, &c);
    assert_string_equal(c.turns, "bb");
    close(pipes[1]);
    errands_turn(errands, 2, epoll, 10000, &c);
    assert_string_equal(c.turns, "bbb");
    close(pipes[0]);
    close(epoll);
}

static void due_and_called(void **state) // one turn, not two
{
    (void)state;
    struct control c = {0};
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(write(pipes[1], "x", 1), 1);
    struct errand errands[] = {{"a", pipes[0], 0, turn_a}};
    int epoll;
    next_a = ERRAND_NEVER;
    assert_int_equal(errands_watch(errands, 1, &epoll), 0);
    errands_turn(errands, 1, epoll, 10000, &c);
    assert_string_equal(c.turns, "a");
    close(pipes[0]);
    close(pipes[1]);
    close(epoll);
}

static void in_time(void **state) // not before it is due, however often the loop wakes
{
    (void)state;
    struct control c = {0};
    const uint64_t due = now_ns() + 20 * (uint64_t)NOW_NS_PER_MS;
    struct errand errands[] = {{"a", -1, 0, turn_a}, {"b", -1, due, turn_b}};
    int epoll;
    next_a = 0; // always due: the loop never sleeps
    next_b = ERRAND_NEVER;
    assert_int_equal(errands_watch(errands, 2, &epoll), 0);
    while (strchr(c.turns, 'b') == NULL) {
        c.turns[0] = c.turns[1] = '\0';
        errands_turn(errands, 2, epoll, 10000, &c);
    }
    assert_true(c.now >= due);

    // And when nothing else wakes it, the sleep ends when it is due.
    memset(&c, 0, sizeof c);
    const uint64_t again = now_ns() + 5 * (uint64_t)NOW_NS_PER_MS;
    errands[0].due_ns = ERRAND_NEVER;
    errands[1].due_ns = again;
    errands_turn(errands, 2, epoll, 20000, &c);
    assert_string_equal(c.turns, "b");
    assert_true(c.now >= again && c.now - again < 15000 * (uint64_t)NOW_NS_PER_MS);
    close(epoll);
}

static void bad_descriptor(void **state)
{
    (void)state;
    struct errand errands[] = {{"a", 1000000, ERRAND_NEVER, turn_a}};
    int epoll = -1;
    assert_int_equal(errands_watch(errands, 1, &epoll), -EBADF);
    assert_int_equal(epoll, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_due),      cmocka_unit_test(never),
        cmocka_unit_test(by_descriptor), cmocka_unit_test(due_and_called),
        cmocka_unit_test(in_time),       cmocka_unit_test(bad_descriptor),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
