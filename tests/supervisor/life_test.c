// The life of a child, with a clock and starts of the test's own: start.c is not linked.
#include "supervisor/life.h"

#include "link/child.h"
#include "link/link.h"
#include "supervisor/start.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static bool start_refused;
static int starts, childs_end, kills;
static const struct descriptors descriptors;

// A process that does nothing until it is killed.
static pid_t sleeper(void)
{
    const pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); // a test that has failed leaves nothing behind
        close_range(0, ~0U, 0);           // the link is the test's, as is standard output
        pause();
        _exit(0);
    }
    return pid;
}

static pid_t with_link(int *link)
{
    int ends[2];
    assert_int_equal(link_pair(ends), 0);
    close(childs_end);
    *link = ends[0];
    childs_end = ends[1];
    return sleeper();
}

static pid_t start(const struct descriptors *h, int *link)
{
    (void)h;
    starts++;
    return start_refused ? -1 : with_link(link);
}

// The child sees that its link has ended.
static bool link_ended(void)
{
    struct link_message message;
    return link_receive(childs_end, 0, &message) == 0;
}

static struct life life;

int __real_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number);

int __wrap_kill(pid_t pid, int number)
{
    kills += pid == life.pid && number == SIGKILL;
    return __real_kill(pid, number);
}

static int fresh(void **state)
{
    (void)state;
    life = (struct life){.name = "actor", .start = start, .link = -1};
    starts = kills = 0;
    start_refused = false;
    return 0;
}

// Ends the process and tells the life of it. how: 0 for an end of its own, or a signal.
static void end(int how, uint64_t now)
{
    int status;
    if (life.pid <= 0)
        return;
    kill(life.pid, SIGKILL);
    waitpid(life.pid, &status, 0);
    life_ended(&life, how == 0 ? 0 : status, now);
}

// Ends the process, which asks for the next.
static void ask_again(uint64_t now)
{
    kill(life.pid, SIGKILL);
    waitpid(life.pid, NULL, 0);
    life_ended(&life, CHILD_EXIT_AGAIN << 8, now);
}

static void serve(uint64_t now)
{
    assert_int_equal(life.phase, LIFE_STARTING);
    assert_true(life_serves(&life, now));
    assert_int_equal(life.phase, LIFE_SERVING);
    assert_false(life_serves(&life, now)); // once is all
    assert_false(link_ended());
}

static void one_that_dies_is_started_again(void **state)
{
    (void)state;
    life_begin(&life, &descriptors, 0);
    assert_int_equal(starts, 1);
    serve(20);
    end(SIGKILL, 1000);
    assert_true(link_ended());
    assert_false(life_serves(&life, 1000));     // one that is gone
    assert_int_equal(life.phase, LIFE_WAITING); // F2: at once
    assert_int_equal(life_due_ms(&life), 1000);
    life_tick(&life, &descriptors, 1000);
    assert_int_equal(starts, 2);
    serve(1020);
    end(SIGKILL, 1100);
    assert_int_equal(life_due_ms(&life), 1200); // then slower
    life_tick(&life, &descriptors, 1199);
    assert_int_equal(life.phase, LIFE_WAITING);
    assert_false(life.failed);
}

// F26: never half running.
static void an_end_before_it_ever_served_is_final(void **state)
{
    (void)state;
    life_begin(&life, &descriptors, 0);
    end(SIGKILL, 10); // a foreign program was in its way
    assert_true(life.failed);
    assert_int_equal(life.phase, LIFE_RESTING);
    assert_int_equal(life_due_ms(&life), UINT64_MAX);

    fresh(NULL);
    life_begin(&life, &descriptors, 0);
    life_end_link(&life);                            // the child has ended its own
    for (int i = 0; i < 10000 && !link_ended(); i++) // until the sleeper has closed its copy
        usleep(1000);
    assert_true(link_ended());
    end(0, 10); // status 0 is no excuse
    assert_true(life.failed);

    fresh(NULL);
    start_refused = true;
    life_begin(&life, &descriptors, 0);
    assert_true(life.failed);
}

static void later_failures_to_start_are_deaths(void **state)
{
    (void)state;
    life_begin(&life, &descriptors, 0);
    serve(1);
    start_refused = true;
    end(SIGKILL, 100);
    life_tick(&life, &descriptors, 100);
    assert_int_equal(life.phase, LIFE_WAITING);
    assert_int_equal(life_due_ms(&life), 200);
    life_tick(&life, &descriptors, 200);
    assert_int_equal(life_due_ms(&life), 400);
    assert_false(life.failed);
}

// A dataplane whose interface has changed: no back-off, however often, but not in a loop either.
static void one_that_asks_to_be_started_again_is(void **state)
{
    (void)state;
    uint64_t now = 0;
    life_begin(&life, &descriptors, now);
    for (int i = 0; i < 8; i++) {
        const uint64_t started = now;
        serve(now += 10);
        ask_again(now += i % 2 ? 1500 : 100);
        assert_int_equal(life.phase, LIFE_WAITING);
        assert_true(link_ended());
        assert_int_equal(life_due_ms(&life), i % 2 ? now : started + LIFE_AGAIN_MS);
        life_tick(&life, &descriptors, now = life_due_ms(&life));
    }
    assert_int_equal(starts, 9);

    ask_again(now + 5000); // it has not served: a failure like any other
    assert_int_equal(life_due_ms(&life), now + 5000);
    life_tick(&life, &descriptors, now += 5000);
    ask_again(now + 1);
    assert_int_equal(life_due_ms(&life), now + 1 + BACKOFF_FIRST_MS);
}

static void one_that_hangs_is_killed_once(void **state)
{
    (void)state;
    int status;
    life_begin(&life, &descriptors, 0);
    life_tick(&life, &descriptors, LIFE_START_MS - 1);
    assert_int_equal(waitpid(life.pid, &status, WNOHANG), 0);
    life_tick(&life, &descriptors, LIFE_START_MS);
    assert_int_equal(waitpid(life.pid, &status, 0), life.pid);
    assert_true(WIFSIGNALED(status));
    assert_true(life_due_ms(&life) > LIFE_START_MS);
    life_ended(&life, status, LIFE_START_MS + 1);
    assert_true(life.failed);
}

static bool killed(void)
{
    int status;
    if (kills == 0)
        return false;
    assert_int_equal(kills, 1);
    kills = 0;
    return waitpid(life.pid, &status, 0) == life.pid && WIFSIGNALED(status);
}

static void look(unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        life_look(&life, 5);
}

// F3. What only waits, or gets no CPU, is given more time than what a signal has stopped.
static void one_that_is_stopped_is_killed_soon(void **state)
{
    (void)state;
    life.patience = 50;
    life.patience_stopped = 7;
    life_begin(&life, &descriptors, 0);
    look(100); // one that starts is not looked at
    serve(1);
    look(40);
    life_stopped(&life, true);
    look(6);
    life_stopped(&life, false);
    look(40);
    assert_false(killed());
    life_stopped(&life, true);
    look(6);
    assert_false(killed());
    look(1);
    assert_true(killed());

    life_ended(&life, SIGKILL, 100);
    life_tick(&life, &descriptors, 100);
    serve(101);
    look(50); // the first one sees the heartbeat
    assert_false(killed());
    look(1);
    assert_true(killed());
    life_ended(&life, SIGKILL, 200);
}

// The process's listener has moved, come or gone.
static void one_that_a_reload_moves(void **state)
{
    (void)state;
    life_begin(&life, &descriptors, 0);
    serve(1);
    life_renew(&life, &descriptors, 5000);
    assert_int_equal(kills, 1);
    end(SIGKILL, 5001);
    assert_int_equal(life.phase, LIFE_WAITING);
    life_tick(&life, &descriptors, 5001); // no back-off
    assert_int_equal(starts, 2);
    serve(5002);

    life_dismiss(&life);
    assert_int_equal(kills, 3); // one of them is end()'s
    end(SIGKILL, 6000);
    assert_int_equal(life.phase, LIFE_RESTING);
    assert_true(life_due_ms(&life) == UINT64_MAX);
    assert_false(life.failed);

    life_renew(&life, &descriptors, 7000);
    serve(7001);
    end(SIGKILL, 7500); // a death as usual, and one more
    life_tick(&life, &descriptors, life_due_ms(&life));
    end(SIGKILL, 7501);
    assert_int_equal(life.phase, LIFE_WAITING);
    life_dismiss(&life);
    assert_int_equal(life.phase, LIFE_RESTING);
}

// One that is there for the first time: its failure does not end the server, which serves.
static void one_that_comes_with_a_reload_may_fail(void **state)
{
    (void)state;
    life_renew(&life, &descriptors, 0);
    assert_int_equal(life.phase, LIFE_STARTING);
    end(SIGKILL, 10);
    assert_false(life.failed);
    assert_int_equal(life.phase, LIFE_WAITING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_that_dies_is_started_again, fresh),
        cmocka_unit_test_setup(an_end_before_it_ever_served_is_final, fresh),
        cmocka_unit_test_setup(later_failures_to_start_are_deaths, fresh),
        cmocka_unit_test_setup(one_that_asks_to_be_started_again_is, fresh),
        cmocka_unit_test_setup(one_that_hangs_is_killed_once, fresh),
        cmocka_unit_test_setup(one_that_is_stopped_is_killed_soon, fresh),
        cmocka_unit_test_setup(one_that_a_reload_moves, fresh),
        cmocka_unit_test_setup(one_that_comes_with_a_reload_may_fail, fresh),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("supervisor/life", tests, NULL, NULL);
}
