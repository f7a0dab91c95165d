// Mistyped names: which known name is meant, and which is none.
#include "perf/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *const commands[] = {"nts", "ntp", "mix", "ke", "check", "report"};
static const struct option options[] = {{"search", 0, NULL, 0},
                                        {"rate", 1, NULL, 0},
                                        {"max-rate", 1, NULL, 0},
                                        {"i-own-this-server", 0, NULL, 0},
                                        {0}};

static const char *command(const char *word)
{
    const char *near = nearest_of(word, commands, sizeof commands / sizeof *commands);
    return near ? near : "";
}

static void near_names(void **state)
{
    (void)state;
    assert_string_equal(command("nst"), "nts");
    assert_string_equal(command("raport"), "report");
    assert_string_equal(command("chek"), "check");
    assert_string_equal(command("kee"), "ke");
    assert_string_equal(command("rep"), "report");
}

static void far_names(void **state)
{
    (void)state;
    static const char long_word[] = "a-word-that-is-much-longer-than-any-name-of-a-command";
    assert_string_equal(command("server.example"), "");
    assert_string_equal(command("xyz"), "");
    assert_string_equal(command("x"), "");
    assert_string_equal(command(""), "");
    assert_string_equal(command(long_word), "");
}

static void options_of_a_line(void **state)
{
    (void)state;
    char hint[NEAREST_HINT_LEN];
    assert_string_equal(nearest_option("--serach", options, hint), " (did you mean --search?)");
    assert_string_equal(nearest_option("--maxrate=5k", options, hint),
                        " (did you mean --max-rate?)");
    assert_string_equal(nearest_option("--i-own", options, hint),
                        " (did you mean --i-own-this-server?)");
    assert_string_equal(nearest_option("--colour", options, hint), "");
    assert_string_equal(nearest_option("--", options, hint), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_names),
        cmocka_unit_test(far_names),
        cmocka_unit_test(options_of_a_line),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
