// The log: one complete line per event, never longer than its limit.
#include "base/log.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int pipe_end, real_stderr;

// From here to collect(), stderr is a pipe.
static void capture(const char *who, bool journal)
{
    int ends[2];
    struct stat st;
    char stream[64];

    assert_int_equal(pipe(ends), 0);
    real_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    pipe_end = ends[0];
    fstat(STDERR_FILENO, &st);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino + (journal ? 0 : 1));
    setenv("JOURNAL_STREAM", stream, 1);
    log_open(who);
}

static void collect(char *text, size_t room)
{
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    size_t len = 0;
    ssize_t n;
    while (len + 1 < room && (n = read(pipe_end, text + len, room - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    close(pipe_end);
    unsetenv("JOURNAL_STREAM");
}

static void lines_have_a_speaker_and_a_level(void **state)
{
    (void)state;
    char text[4096];
    capture("control", false);
    log_error("one %d", 1);
    log_warning("two");
    log_info("three");
    collect(text, sizeof text);
    assert_string_equal(text, "control: error: one 1\ncontrol: warning: two\ncontrol: three\n");
}

static void the_journal_gets_priorities(void **state)
{
    (void)state;
    char text[4096];
    capture("dataplane", true);
    log_error("one");
    log_warning("two");
    log_info("three");
    collect(text, sizeof text);
    assert_string_equal(text, "<3>dataplane: one\n<4>dataplane: two\n<6>dataplane: three\n");
}

// What a peer sends and a message quotes can neither forge a line nor reach a terminal.
static void a_message_stays_one_line(void **state)
{
    (void)state;
    char text[4096], big[3000];
    capture("control", false);
    log_info("a\nb\x1b[31mc\x7f\xc2\x9b");
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    log_info("%s", big);
    collect(text, sizeof text);
    assert_memory_equal(text, "control: a b [31mc   \ncontrol: xxx", 33);
    assert_int_equal(strlen(strchr(text, '\n') + 1), 1023);
    assert_int_equal(text[strlen(text) - 1], '\n');
}

static void limited_lines_are_counted(void **state)
{
    (void)state;
    char text[4096];
    struct log_limit limit = {0};
    capture("control", false);
    for (int i = 0; i < 100; i++)
        log_limited(&limit, LOG_LEVEL_WARNING, "flood %d", i);
    limit.next_ns = 0; // ten seconds later
    log_limited(&limit, LOG_LEVEL_WARNING, "flood");
    limit.next_ns = 0;
    log_limited(&limit, LOG_LEVEL_WARNING, "flood");
    collect(text, sizeof text);
    assert_string_equal(text, "control: warning: flood 0\n"
                              "control: warning: flood (99 more like this)\n"
                              "control: warning: flood\n");
}

static void a_level_leaves_out_what_is_less(void **state)
{
    (void)state;
    char text[4096];
    static const char *const levels[] = {"error", "warning", "info"};
    static const char *const shown[] = {"tester: error: a\n",
                                        "tester: error: a\ntester: warning: b\n",
                                        "tester: error: a\ntester: warning: b\ntester: c\n"};
    for (int i = 0; i < 3; i++) {
        capture("tester", false);
        assert_true(log_set_level(levels[i]));
        assert_false(log_set_level("loud"));
        log_error("a");
        log_warning("b");
        log_info("c");
        collect(text, sizeof text);
        assert_string_equal(text, shown[i]);
    }
}

static void *say_error(void *what)
{
    log_error("%s", (const char *)what);
    return NULL;
}

static void other_threads_are_not_diverted(void **state)
{
    (void)state;
    char text[4096], why[16], what[] = "of another thread";
    pthread_t thread;
    capture("tester", false);
    log_divert(why, sizeof why);
    assert_int_equal(pthread_create(&thread, NULL, say_error, what), 0);
    pthread_join(thread, NULL);
    log_divert(NULL, 0);
    collect(text, sizeof text);
    assert_string_equal(why, "");
    assert_string_equal(text, "tester: error: of another thread\n");
}

static void diverted_errors_are_kept(void **state)
{
    (void)state;
    char text[4096], why[16];
    capture("tester", false);
    log_divert(why, sizeof why);
    log_error("the cause\n%d", 1);
    log_error("what follows from it");
    log_warning("beside it");
    log_divert(NULL, 0);
    log_error("later");
    collect(text, sizeof text);
    assert_string_equal(why, "the cause 1");
    assert_string_equal(text, "tester: warning: beside it\ntester: error: later\n");
    log_divert(why, sizeof why);
    assert_string_equal(why, "");
    log_error("longer than there is room for");
    log_divert(NULL, 0);
    assert_string_equal(why, "longer than the");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_have_a_speaker_and_a_level),
        cmocka_unit_test(the_journal_gets_priorities),
        cmocka_unit_test(a_message_stays_one_line),
        cmocka_unit_test(limited_lines_are_counted),
        cmocka_unit_test(diverted_errors_are_kept),
        cmocka_unit_test(other_threads_are_not_diverted),
        cmocka_unit_test(a_level_leaves_out_what_is_less),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("config/log", tests, NULL, NULL);
}
