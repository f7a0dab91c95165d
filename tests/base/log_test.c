// The log: one line an event, whole, and never more than its limit; a server's never waits for its
// reader.
#include "base/log.h"

#include "base/now.h"

#include <fcntl.h>
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
#include <sys/wait.h>
#include <time.h>
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

// The calendar that lines are written by; 0: the machine's.
static time_t fixed_s;

int __real_clock_gettime(clockid_t id, struct timespec *now);
int __wrap_clock_gettime(clockid_t id, struct timespec *now);

int __wrap_clock_gettime(clockid_t id, struct timespec *now)
{
    if (id != CLOCK_REALTIME || fixed_s == 0)
        return __real_clock_gettime(id, now);
    *now = (struct timespec){.tv_sec = fixed_s, .tv_nsec = 7999999};
    return 0;
}

// Runs serve() in a process that is a server whose stderr is a pipe; it ends by exit().
static pid_t start_server(void (*serve)(void), bool journal)
{
    capture("noonmarkd: tester", journal);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(pipe_end);
        log_start();
        serve();
        exit(0);
    }
    dup2(real_stderr, STDERR_FILENO);
    return pid;
}

static void expect_end(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static const time_t dates[] = {1,          68169600,   951782399,  951782400,
                               951868800,  1230767999, 1798761599, 1835395199,
                               1835481599, 2085978496, 4107542400, 0 - (time_t)5};

static void say_dates(void)
{
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        fixed_s = dates[i];
        log_warning("x");
    }
}

static void a_server_says_when(void **state)
{
    (void)state;
    char text[4096], expected[4096];
    size_t len = 0;
    expect_end(start_server(say_dates, false));
    collect(text, sizeof text);
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        const time_t at = dates[i] > 0 ? dates[i] : 0;
        struct tm tm;
        gmtime_r(&at, &tm);
        len += strftime(expected + len, sizeof expected - len,
                        "%Y-%m-%dT%H:%M:%S.007Z noonmarkd: tester: warning: x\n", &tm);
    }
    assert_string_equal(text, expected);
    expect_end(start_server(say_dates, true));
    collect(text, sizeof text);
    assert_memory_equal(text, "<4>noonmarkd: tester: x\n<4>", 27);
}

enum { FLOOD = 1000 };

static void flood(void)
{
    const uint64_t before = now_ns();
    char text[512];
    fcntl(STDERR_FILENO, F_SETPIPE_SZ, 4096); // less than the ring holds
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < FLOOD; i++)
        log_warning("%s", text);
    if (now_ns() - before > 10000 * (uint64_t)NOW_NS_PER_MS || log_lost() < FLOOD / 2)
        _exit(1);
}

// Reads from the pipe until its last writer is gone: whole lines written, and lost by what is said.
static void count_lines(size_t *written, size_t *lost)
{
    FILE *in = fdopen(pipe_end, "r");
    char line[2048];
    unsigned long n;
    *written = *lost = 0;
    while (fgets(line, sizeof line, in)) {
        const char *said = strstr(line, "tester: warning: ");
        assert_non_null(said);
        if (sscanf(said, "tester: warning: %lu line", &n) == 1)
            *lost += n;
        else
            ++*written;
    }
    fclose(in);
    close(real_stderr);
}

static int flooded[2]; // a pipe whose end tells the reader that the flood is over

static void flood_then_wait(void)
{
    flood();
    close(flooded[1]);
    usleep(100000);
    log_warning("later");
}

// Nobody reads for a while: no line waits, and each is there or counted as lost.
static void a_reader_that_sleeps_holds_nobody_up(void **state)
{
    (void)state;
    size_t written, lost;
    char octet;
    assert_int_equal(pipe(flooded), 0);
    const pid_t pid = start_server(flood_then_wait, false);
    close(flooded[1]);
    assert_int_equal(read(flooded[0], &octet, 1), 0);
    close(flooded[0]);
    count_lines(&written, &lost);
    expect_end(pid);
    assert_int_equal(written + lost, FLOOD + 1);
    assert_true(lost > 0 && written >= 64);
}

// Nobody ever reads: the end is put off by a second at most.
static void a_reader_that_never_wakes_does_not_stop_the_end(void **state)
{
    (void)state;
    const uint64_t before = now_ns();
    const pid_t pid = start_server(flood, false);
    expect_end(pid);
    const uint64_t took_ms = (now_ns() - before) / (uint64_t)NOW_NS_PER_MS;
    assert_true(took_ms >= 900);
    assert_true(took_ms < 30000);
    close(pipe_end);
    close(real_stderr);
}

static void say_from_a_fork(void)
{
    log_info("parent");
    log_flush();
    const pid_t pid = fork();
    if (pid == 0) {
        log_info("child");
        _exit(0); // without any flush
    }
    waitpid(pid, NULL, 0);
    log_info("last"); // exit() flushes
}

static void a_fork_writes_too(void **state)
{
    (void)state;
    char text[4096];
    expect_end(start_server(say_from_a_fork, true));
    collect(text, sizeof text);
    assert_string_equal(text, "<6>noonmarkd: tester: parent\n<6>noonmarkd: tester: child\n"
                              "<6>noonmarkd: tester: last\n");
}

static void say_to_a_full_disk(void)
{
    const int full = open("/dev/full", O_WRONLY), pipe = dup(STDERR_FILENO);
    dup2(full, STDERR_FILENO);
    for (int i = 0; i < 3; i++)
        log_info("x");
    log_flush();
    dup2(pipe, STDERR_FILENO);
    log_info("y");
    log_flush();
    if (log_lost() != 3)
        _exit(1);
}

static void what_cannot_be_written_is_counted(void **state)
{
    (void)state;
    char text[4096];
    expect_end(start_server(say_to_a_full_disk, true));
    collect(text, sizeof text);
    assert_non_null(strstr(text, "<4>noonmarkd: tester: 3 lines of log were lost: "));
    assert_non_null(strstr(text, "<6>noonmarkd: tester: y\n"));
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
        cmocka_unit_test(a_server_says_when),
        cmocka_unit_test(a_reader_that_sleeps_holds_nobody_up),
        cmocka_unit_test(a_reader_that_never_wakes_does_not_stop_the_end),
        cmocka_unit_test(a_fork_writes_too),
        cmocka_unit_test(what_cannot_be_written_is_counted),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
