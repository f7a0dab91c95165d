// The CPU time of a process and its descendants: what is burnt is seen, wherever in the tree.
#include "perf/process.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define BURN 0.3   // seconds
#define SLACK 0.05 // of clock ticks

static void burn(void)
{
    struct timespec t;
    double from = -1, now;
    do {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        now = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
        from = from < 0 ? now : from;
    } while (now < from + BURN);
}

static double cpu(pid_t pid)
{
    double seconds = -1;
    assert_true(process_cpu((uint32_t)pid, &seconds));
    assert_true(seconds >= 0);
    return seconds;
}

static void own(void **state)
{
    (void)state;
    double before = cpu(getpid());
    burn();
    double after = cpu(getpid());
    assert_true(after - before > BURN - SLACK && after - before < BURN + 1);
}

// A process with a name that is hard to read, whose child does the work and then waits.
static pid_t start_tree(int *ready)
{
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, "a) S 1 (b");
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            burn();
            if (write(pipes[1], "", 1) != 1)
                _exit(1);
        }
        for (;;)
            pause();
    }
    close(pipes[1]);
    *ready = pipes[0];
    return pid;
}

static void a_childs_while_it_lives(void **state)
{
    (void)state;
    int ready;
    char octet;
    double own_before = cpu(getpid());
    pid_t pid = start_tree(&ready);
    assert_int_equal(read(ready, &octet, 1), 1);
    close(ready);
    assert_true(cpu(pid) > BURN - SLACK);
    assert_true(cpu(getpid()) - own_before > BURN - SLACK); // a grandchild's, too
    kill(pid, SIGKILL);                                     // its child follows
    waitpid(pid, NULL, 0);
}

static void a_childs_when_it_has_ended(void **state)
{
    (void)state;
    double before = cpu(getpid());
    pid_t pid = fork();
    if (pid == 0) {
        burn();
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    double after = cpu(getpid());
    assert_true(after - before > BURN - SLACK);
    // No such process any more, and nothing written.
    double seconds = -7;
    assert_false(process_cpu((uint32_t)pid, &seconds));
    assert_true(seconds == -7);
    assert_false(process_cpu(1U << 30, &seconds));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own),
        cmocka_unit_test(a_childs_while_it_lives),
        cmocka_unit_test(a_childs_when_it_has_ended),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
