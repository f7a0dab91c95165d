// A planned stop: which words of control do what, and what control is told.
#include "supervisor/drain.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct drain drain;
static struct hook hook;
static int ends[2];

static int start(void **state)
{
    (void)state;
    drain = (struct drain){0};
    hook = (struct hook){.path = ""}; // what it is told: hook_test.c
    return link_pair(ends);
}

static int end(void **state)
{
    (void)state;
    close(ends[0]);
    close(ends[1]);
    return 0;
}

// Control says this; true when it is known. *stop as drain_hear sets it.
static bool say(const char *text, bool *stop)
{
    static struct link_message message;
    message = (struct link_message){.type = LINK_DRAIN, .id = 7};
    strcpy(message.text, text);
    *stop = false;
    return drain_hear(&drain, &hook, ends[0], &message, 0, stop);
}

static void expect_told(uint32_t id, const char *text)
{
    static struct link_message message;
    assert_int_equal(link_receive(ends[1], 0, &message), 1);
    assert_int_equal(message.type, LINK_DRAIN);
    assert_int_equal(message.id, id);
    assert_string_equal(message.text, text);
}

static void begin_cancel_stop(void **state)
{
    (void)state;
    bool stop;
    assert_true(say(LINK_DRAIN_STOP, &stop));
    assert_false(stop); // it does not drain
    expect_told(7, LINK_DRAIN_OFF);
    assert_true(say(LINK_DRAIN_BEGIN, &stop));
    assert_true(hook.draining && !stop);
    expect_told(7, LINK_DRAIN_ON);
    assert_true(say(LINK_DRAIN_CANCEL, &stop));
    assert_false(hook.draining || stop);
    expect_told(7, LINK_DRAIN_OFF);
    assert_true(say(LINK_DRAIN_BEGIN, &stop));
    expect_told(7, LINK_DRAIN_ON);
    assert_true(say(LINK_DRAIN_STOP, &stop));
    assert_true(stop);
}

static void other_words_are_refused(void **state)
{
    (void)state;
    static struct link_message message;
    bool stop;
    assert_false(say("", &stop));
    assert_false(say(LINK_DRAIN_ON, &stop));
    assert_false(hook.draining || stop);
    assert_int_equal(link_receive(ends[1], 0, &message), -EAGAIN);
}

// Control was started again while the server drains.
static void a_new_control_is_told(void **state)
{
    (void)state;
    static struct link_message message;
    bool stop;
    drain_tell(&drain, ends[0]);
    assert_int_equal(link_receive(ends[1], 0, &message), -EAGAIN); // it takes that for granted
    say(LINK_DRAIN_BEGIN, &stop);
    expect_told(7, LINK_DRAIN_ON);
    drain_tell(&drain, ends[0]);
    expect_told(0, LINK_DRAIN_ON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(begin_cancel_stop, start, end),
        cmocka_unit_test_setup_teardown(other_words_are_refused, start, end),
        cmocka_unit_test_setup_teardown(a_new_control_is_told, start, end),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("supervisor/drain", tests, NULL, NULL);
}
