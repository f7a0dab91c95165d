// The hook: who may own it, what it is told, once a change, and that it never holds anything up.
#include "supervisor/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

// Where nobody but root can write, unlike /tmp.
static char directory[] = "/run/nm-hook-XXXXXX";
static char program[64], record[64];
static struct hook hook;

// What it was told is added to a file; then it runs the lines of `more`.
static void write_program(const char *more)
{
    FILE *out = fopen(program, "w");
    assert_non_null(out);
    fprintf(out, "#!/bin/sh\necho \"$#:$*\" >>%s\n%s\n", record, more);
    fclose(out);
    assert_int_equal(chmod(program, 0755), 0);
}

static int make_program(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    chmod(directory, 0755);
    snprintf(program, sizeof program, "%s/health", directory);
    snprintf(record, sizeof record, "%s/record", directory);
    write_program("");
    hook = (struct hook){.path = program};
    return 0;
}

static int remove_program(void **state)
{
    (void)state;
    unlink(program);
    unlink(record);
    return rmdir(directory);
}

// Waits for the process that runs, and passes its end on.
static void wait_for_end(uint64_t now_ms)
{
    int status;
    const pid_t pid = waitpid(hook.pid, &status, 0);
    assert_int_equal(pid, hook.pid);
    assert_false(hook_ended(&hook, pid + 1, status, now_ms));
    assert_true(hook_ended(&hook, pid, status, now_ms));
}

static void expect_record(const char *wanted)
{
    char got[256] = "";
    const int fd = open(record, O_RDONLY);
    if (fd >= 0) {
        const ssize_t len = read(fd, got, sizeof got - 1);
        got[len < 0 ? 0 : len] = '\0';
        close(fd);
    }
    assert_string_equal(got, wanted);
}

static void told_once_a_change(void **state)
{
    (void)state;
    assert_true(hook_state(&hook, "healthy", 1000));
    assert_true(hook.pid > 0);
    wait_for_end(1010);
    expect_record("1:healthy\n");
    assert_true(hook_state(&hook, "healthy", 2000)); // control was restarted
    assert_int_equal(hook.pid, 0);
    assert_true(hook_state(&hook, "unhealthy stale", 3000));
    wait_for_end(3010);
    assert_true(hook_state(&hook, "unhealthy stepped", 4000)); // another reason is no other state
    assert_int_equal(hook.pid, 0);
    assert_true(hook_state(&hook, "healthy", 5000));
    wait_for_end(5010);
    expect_record("1:healthy\n2:unhealthy stale\n1:healthy\n");
}

// While one runs, the newest state waits; what came and went is not told.
static void the_newest_state_wins(void **state)
{
    (void)state;
    assert_true(hook_state(&hook, "healthy", 0));
    assert_true(hook_state(&hook, "unhealthy stale", 1));
    assert_true(hook_state(&hook, "healthy", 2));
    assert_true(hook_state(&hook, "unhealthy error", 3));
    wait_for_end(4);
    assert_true(hook.pid > 0);
    assert_true(hook_state(&hook, "healthy", 5));
    assert_true(hook_state(&hook, "unhealthy stale", 6));
    wait_for_end(7);
    assert_int_equal(hook.pid, 0);
    expect_record("1:healthy\n2:unhealthy error\n");
}

// A new one is told the state, as at a start; one that runs ends first.
static void a_new_hook_is_told_the_state(void **state)
{
    (void)state;
    hook.path = "";
    hook_replace(&hook, program, 0); // nothing is known yet
    assert_int_equal(hook.pid, 0);
    hook.path = "";
    assert_true(hook_state(&hook, "unhealthy stale", 1));
    assert_int_equal(hook.pid, 0);
    hook_replace(&hook, program, 2);
    wait_for_end(3);
    assert_int_equal(hook.pid, 0);
    expect_record("2:unhealthy stale\n");

    assert_true(hook_state(&hook, "healthy", 4));
    assert_true(hook.pid > 0);
    hook_replace(&hook, program, 5);
    wait_for_end(6);
    assert_true(hook.pid > 0);
    wait_for_end(7);
    assert_int_equal(hook.pid, 0);
    expect_record("2:unhealthy stale\n1:healthy\n1:healthy\n");

    hook_replace(&hook, "", 8);
    assert_true(hook_state(&hook, "unhealthy stale", 9));
    assert_int_equal(hook.pid, 0);
}

// Killed with what it has started, after ten seconds, and the next state is told.
static void killed_when_it_hangs(void **state)
{
    (void)state;
    write_program("sleep 1000 & sleep 1000");
    assert_true(hook_state(&hook, "healthy", 1000));
    assert_true(hook_due_ms(&hook) == 1000 + HOOK_LIMIT_MS);
    const pid_t group = hook.pid;
    for (int i = 0; i < 500 && access(record, F_OK) != 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_true(hook_state(&hook, "unhealthy stale", 2000));
    hook_tick(&hook, 999 + HOOK_LIMIT_MS);
    assert_int_equal(waitpid(hook.pid, NULL, WNOHANG), 0);
    hook_tick(&hook, 1000 + HOOK_LIMIT_MS);
    assert_true(hook_due_ms(&hook) == UINT64_MAX);
    write_program("");
    wait_for_end(11001);
    assert_true(hook.pid > 0);
    wait_for_end(11002);
    expect_record("1:healthy\n2:unhealthy stale\n");
    // init, or whoever reaps orphans, may take a moment
    for (int i = 0; i < 500 && kill(-group, 0) == 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_int_equal(kill(-group, 0), -1);
}

// A small environment, no descriptors but the standard ones, a session of its own, and few rights.
static void what_it_inherits(void **state)
{
    (void)state;
    char more[512];
    snprintf(more, sizeof more,
             "{ env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= | sort; ls /proc/$$/fd; "
             "readlink /proc/$$/fd/0; grep CapEff /proc/$$/status; "
             "test \"$(cut -d' ' -f6 /proc/$$/stat)\" = $$ && echo session; } >>%s",
             record);
    write_program(more);
    setenv("NOTIFY_SOCKET", "/secret", 1);
    const int left_open = open("/dev/zero", O_RDONLY);
    assert_true(hook_state(&hook, "healthy", 0));
    wait_for_end(1);
    close(left_open);
    char got[512] = "";
    const int fd = open(record, O_RDONLY);
    assert_true(read(fd, got, sizeof got - 1) > 0);
    close(fd);
    assert_null(strstr(got, "secret"));
    assert_non_null(strstr(got, "LANG=C.UTF-8\nPATH="));
    assert_non_null(strstr(got, "/dev/null\n"));
    assert_non_null(strstr(got, "session\n"));
    assert_null(strstr(got, "\n3\n")); // 0, 1, 2, and the shell's own script at 10 or above
    unsigned long long rights = ~0ULL;
    assert_int_equal(sscanf(strstr(got, "CapEff:"), "CapEff: %llx", &rights), 1);
    assert_int_equal(rights & (1ULL << 21), 0); // no CAP_SYS_ADMIN
}

// Before a planned stop the route goes, whatever the clock does meanwhile; and comes back.
static void draining_goes_before_health(void **state)
{
    (void)state;
    assert_true(hook_state(&hook, "healthy", 0));
    hook_drain(&hook, 1); // while one runs
    wait_for_end(2);
    assert_true(hook.pid > 0);
    assert_true(hook_state(&hook, "unhealthy stale", 3));
    wait_for_end(4);
    assert_int_equal(hook.pid, 0);
    assert_true(hook_state(&hook, "healthy", 5));
    assert_int_equal(hook.pid, 0);
    hook_drain(&hook, 6); // once is enough
    assert_int_equal(hook.pid, 0);
    expect_record("1:healthy\n1:draining\n");
    hook_resume(&hook, 7);
    wait_for_end(8);
    expect_record("1:healthy\n1:draining\n1:healthy\n");
    hook_drain(&hook, 9);
    wait_for_end(10);
    assert_true(hook_state(&hook, "unhealthy error", 11));
    hook_resume(&hook, 12);
    wait_for_end(13);
    expect_record("1:healthy\n1:draining\n1:healthy\n1:draining\n2:unhealthy error\n");
    assert_false(hook_state(&hook, "draining", 14)); // control cannot say so as a state
}

// An intruder in control cannot choose the arguments of the hook, which runs as root.
static void other_words_are_no_states(void **state)
{
    (void)state;
    static const char *const words[] = {
        "",
        "healthy ",
        "Healthy",
        "unhealthy",
        "unhealthy ",
        "unhealthy a b",
        "unhealthy ../x",
        "unhealthy -x",
        "unhealthy aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "x"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        assert_false(hook_state(&hook, words[i], 0));
    assert_int_equal(hook.pid, 0);
    hook.path = "";
    assert_true(hook_state(&hook, "healthy", 0));
    assert_int_equal(hook.pid, 0);
}

static void only_roots_programs_are_run(void **state)
{
    (void)state;
    char link[96];
    assert_true(hook_look(""));
    assert_true(hook_look(program));
    assert_int_equal(chmod(program, 0775), 0);
    assert_false(hook_look(program));
    assert_int_equal(chmod(program, 0757), 0);
    assert_false(hook_look(program));
    assert_int_equal(chmod(program, 0644), 0);
    assert_false(hook_look(program));
    assert_int_equal(chmod(program, 0755), 0);
    assert_int_equal(chown(program, 64732, 0), 0);
    assert_false(hook_look(program));
    assert_int_equal(chown(program, 0, 0), 0);
    assert_int_equal(chmod(directory, 0777), 0);
    assert_false(hook_look(program));
    snprintf(link, sizeof link, "%s.link", directory);
    assert_int_equal(symlink(program, link), 0);
    assert_false(hook_look(link));                // the place where the program lies counts
    assert_int_equal(chmod(directory, 01777), 0); // nobody can replace the program
    assert_true(hook_look(link));
    assert_int_equal(chown(directory, 64732, 0), 0); // but the owner can
    assert_false(hook_look(link));
    assert_int_equal(chown(directory, 0, 0), 0);
    assert_int_equal(chmod(directory, 0755), 0);
    assert_true(hook_look(link));
    unlink(link);
    assert_false(hook_look(link));
    assert_false(hook_look(directory));

    // Changed while the server runs: looked at again before each run.
    assert_int_equal(chmod(program, 0757), 0);
    assert_true(hook_state(&hook, "healthy", 0));
    wait_for_end(1);
    expect_record("");
}

int main(void)
{
    if (geteuid() != 0) {
        puts("1..0 # SKIP supervisor/hook: needs root, as whom hooks run");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(told_once_a_change, make_program, remove_program),
        cmocka_unit_test_setup_teardown(the_newest_state_wins, make_program, remove_program),
        cmocka_unit_test_setup_teardown(a_new_hook_is_told_the_state, make_program, remove_program),
        cmocka_unit_test_setup_teardown(killed_when_it_hangs, make_program, remove_program),
        cmocka_unit_test_setup_teardown(what_it_inherits, make_program, remove_program),
        cmocka_unit_test_setup_teardown(draining_goes_before_health, make_program, remove_program),
        cmocka_unit_test_setup_teardown(other_words_are_no_states, make_program, remove_program),
        cmocka_unit_test_setup_teardown(only_roots_programs_are_run, make_program, remove_program),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("supervisor/hook", tests, NULL, NULL);
}
