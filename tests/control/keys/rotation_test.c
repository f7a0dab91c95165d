// The step that says when keys are made, written and put into use: each event in each state, and
// times that jump.
#include "control/keys/rotation.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define S INT64_C(1000000000)
#define MINUTE (60 * S)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define NOW (10 * DAY)

enum { GENERATION = 7, EVENTS = ROTATION_ASKED + 1 };

// A state at the time NOW, and what the step says to each event in the order of the enum: FOUND,
// FOUND_OLD, FOUND_NONE, TIME, MADE, NOT_MADE, WRITTEN, NOT_WRITTEN, CLOSE, ASKED. The letters are
// below.
struct row {
    const char *name;
    struct rotation rotation; // with rotate_ns 0: a day is meant
    int64_t age;              // of the set in use
    const char *says;
};

// 10 minutes, or a day, after the rotation was due.
#define OVERDUE .overdue = true, .overdue_ns = NOW - 10 * MINUTE
#define A_DAY_OVERDUE .overdue = true, .overdue_ns = NOW - DAY
#define SERVING .phase = ROTATION_SERVING, .ages_saved_ns = NOW - HOUR
#define RETRY .failing = true, .try_ns = NOW + 30 * S

static const struct row rows[] = {
    {"reading", {.phase = ROTATION_READING}, 0, "00Fxxxxxxx"},
    {"founding", {.phase = ROTATION_FOUNDING, .making = true}, 0, "xxxxwgxxxx"},
    {"founding, written", {.phase = ROTATION_FOUNDING, .writing = 7}, 0, "xxxAxx0gxx"},

    {"nothing due", {SERVING}, HOUR, "xxx2xxxxwN"},
    {"unsaved", {SERVING, .unsaved = true}, HOUR, "xxxwxxxxwN"},
    {"unsaved, to be tried", {SERVING, .unsaved = true, RETRY}, HOUR, "xxxtxxxxwt"},
    {"ages due", {.phase = ROTATION_SERVING, .ages_saved_ns = NOW - 3 * HOUR}, HOUR, "xxxwxxxxwN"},
    {"ages written",
     {.phase = ROTATION_SERVING, .ages_saved_ns = NOW - 3 * HOUR, .writing = 7},
     HOUR,
     "xxxbxx3mAx"},

    {"due", {SERVING}, DAY, "xxxNxxxxwN"},
    {"due, being made", {SERVING, OVERDUE, .making = true}, DAY, "xxxxnmxxxx"},
    {"due, made", {SERVING, OVERDUE, .next_made = true}, DAY, "xxxnxxxxen"},
    {"due, to be tried", {SERVING, OVERDUE, .next_made = true, RETRY}, DAY, "xxxtxxxxet"},
    {"due, written", {SERVING, OVERDUE, .next_made = true, .writing = 8}, DAY, "xxxbxxamAx"},
    {"due, ages written", {SERVING, OVERDUE, .writing = 7}, DAY, "xxxbxxNmAx"},

    {"day, hangs", {SERVING, A_DAY_OVERDUE, .next_made = true, .writing = 8}, DAY, "xxxfxxafAx"},
    {"day, failed", {SERVING, A_DAY_OVERDUE, .next_made = true, RETRY}, DAY, "xxxfxxxxef"},
    {"day, ages hang", {SERVING, A_DAY_OVERDUE, .writing = 7}, DAY, "xxxNxxNmAx"},
    {"day, being made", {SERVING, A_DAY_OVERDUE, .writing = 7, .making = true}, DAY, "xxxxfbxxxx"},
    {"day, no random octets", {SERVING, A_DAY_OVERDUE, RETRY}, DAY, "xxxtxxxxwt"},
    {"forced, its write hangs", {SERVING, .unsaved = true, .writing = 7}, 0, "xxxbxx3mAx"},
    {"forced, older hangs", {SERVING, .unsaved = true, .writing = 6}, 0, "xxxbxxwmAx"},

    {"asked, made", {SERVING, OVERDUE, .asked = true, .next_made = true}, HOUR, "xxxnxxxxen"},
    {"asked, to be tried",
     {SERVING, OVERDUE, .asked = true, .next_made = true, RETRY},
     HOUR,
     "xxxtxxxxet"},
    {"asked, written",
     {SERVING, OVERDUE, .asked = true, .next_made = true, .writing = 8},
     HOUR,
     "xxxbxxamAx"},

    {"closing, next written",
     {.phase = ROTATION_CLOSING, .next_made = true, .writing = 8},
     DAY,
     "xxxAxxaexx"},
    {"closing, ages written", {.phase = ROTATION_CLOSING, .writing = 7}, DAY, "xxxAxxwwxx"},
    {"closing", {.phase = ROTATION_CLOSING}, 0, "xxxwxxxxxx"},
    {"closing, left alone", {.phase = ROTATION_CLOSING, .next_made = true}, DAY, "xxxexxxxxx"},
    {"ending", {.phase = ROTATION_ENDING, .writing = 7}, 0, "xxxAxxeexx"},
    {"ended", {.phase = ROTATION_ENDING}, 0, "xxxxxxxxxx"},
};

static const char letters[] = {
    [ROTATION_AWAIT] = 'A', [ROTATION_MAKE_FIRST] = 'F', [ROTATION_MAKE_NEXT] = 'N',
    [ROTATION_WRITE] = 'w', [ROTATION_WRITE_NEXT] = 'n', [ROTATION_ADOPT] = 'a',
    [ROTATION_FORCE] = 'f', [ROTATION_GIVE_UP] = 'g',    [ROTATION_END] = 'e',
};

// Of an action at NOW; of a wait by its end.
static char letter(struct rotation_action action)
{
    static const struct {
        int64_t until;
        char letter;
    } waits[] = {
        {NOW, '0'},
        {NOW + S / 100, 'b'},  // busy
        {NOW + 30 * S, 't'},   // the state's try_ns
        {NOW + MINUTE, 'm'},   // the retry that follows a failure now
        {NOW + 2 * HOUR, '2'}, // the ages are due
        {NOW + 3 * HOUR, '3'}, // likewise, stored just now
    };
    if (action.task != ROTATION_WAIT)
        return letters[action.task];
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++)
        if (waits[i].until == action.until_ns)
            return waits[i].letter;
    return '?';
}

static struct key_set set_of_age(int64_t made_ns)
{
    struct key_set set = {.generation = GENERATION, .n = 2};
    set.key[KEY_CURRENT].made_ns = made_ns - DAY;
    set.key[KEY_FUTURE].made_ns = made_ns;
    return set;
}

// 'x' when the event cannot come in that state: then the step says so and ends the process.
static char step(const struct row *row, enum rotation_event event)
{
    const struct key_set set = set_of_age(NOW - row->age);
    struct rotation rotation = row->rotation;
    rotation.rotate_ns = DAY;
    return letter(rotation_step(&rotation, &set, event, NOW));
}

static char step_apart(const struct row *row, enum rotation_event event)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        _exit(step(row, event));
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
        return 'x';
    assert_true(WIFEXITED(status));
    return (char)WEXITSTATUS(status);
}

static void each_event_in_each_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        assert_int_equal(strlen(row->says), EVENTS);
        char got[EVENTS + 1] = {0};
        for (int event = 0; event < EVENTS; event++)
            got[event] = row->says[event] == 'x' ? step_apart(row, (enum rotation_event)event)
                                                 : step(row, (enum rotation_event)event);
        if (strcmp(got, row->says) != 0)
            fail_msg("%s: %s, expected %s", row->name, got, row->says);
    }
}

// One after the other, over a set that follows what is said.
struct story {
    struct rotation rotation;
    struct key_set set;
};

static struct rotation_action tell(struct story *s, enum rotation_event event, int64_t now)
{
    struct rotation_action action = rotation_step(&s->rotation, &s->set, event, now);
    if (action.task == ROTATION_MAKE_FIRST) {
        s->set = set_of_age(now);
        s->set.generation = 1;
    } else if (action.task == ROTATION_ADOPT || action.task == ROTATION_FORCE) {
        s->set.generation++;
        s->set.key[KEY_FUTURE].made_ns = now;
    }
    return action;
}

#define TELL(story, event, now, wanted)                                                            \
    assert_int_equal(tell(story, ROTATION_##event, now).task, ROTATION_##wanted)
#define TELL_WAIT(story, event, now, until)                                                        \
    do {                                                                                           \
        struct rotation_action action_ = tell(story, ROTATION_##event, now);                       \
        assert_int_equal(action_.task, ROTATION_WAIT);                                             \
        assert_true(action_.until_ns == (until));                                                  \
    } while (0)

static struct story serving(int64_t now)
{
    struct story s = {.rotation.rotate_ns = DAY, .set = set_of_age(now)};
    TELL_WAIT(&s, FOUND, now, now);
    return s;
}

// A rotation without trouble, all of it at the time now.
static void rotates(struct story *s, int64_t now)
{
    uint64_t generation = s->set.generation;
    TELL(s, TIME, now, MAKE_NEXT);
    TELL(s, MADE, now, WRITE_NEXT);
    TELL_WAIT(s, TIME, now, now + S / 100);
    TELL(s, WRITTEN, now, ADOPT);
    TELL_WAIT(s, TIME, now, now + 3 * HOUR);
    assert_int_equal(s->set.generation, generation + 1);
}

static void from_the_first_start_to_the_end(void **state)
{
    (void)state;
    struct story s = {.rotation.rotate_ns = DAY};
    TELL(&s, FOUND_NONE, NOW, MAKE_FIRST);
    TELL(&s, MADE, NOW, WRITE);
    TELL(&s, TIME, NOW, AWAIT);
    TELL_WAIT(&s, WRITTEN, NOW, NOW);
    TELL_WAIT(&s, TIME, NOW, NOW + 3 * HOUR);
    TELL(&s, TIME, NOW + 3 * HOUR, WRITE);
    TELL_WAIT(&s, WRITTEN, NOW + 4 * HOUR, NOW + 7 * HOUR);
    TELL_WAIT(&s, TIME, NOW + 7 * HOUR - 1, NOW + 7 * HOUR);
    rotates(&s, NOW + DAY);
    TELL(&s, CLOSE, NOW + DAY, WRITE);
    TELL(&s, TIME, NOW + DAY, AWAIT);
    TELL(&s, WRITTEN, NOW + DAY, END);
}

// Ten days at once: one rotation, no alarm, and a whole interval follows it.
static void time_jumps_ahead(void **state)
{
    (void)state;
    struct story s = serving(NOW);
    rotates(&s, NOW + 10 * DAY);
    TELL_WAIT(&s, TIME, NOW + 10 * DAY + 1, NOW + 10 * DAY + 3 * HOUR);

    // Over a write that is under way: if it ends before anybody looks, it counts.
    TELL(&s, TIME, NOW + 11 * DAY, MAKE_NEXT);
    TELL(&s, MADE, NOW + 11 * DAY, WRITE_NEXT);
    TELL(&s, WRITTEN, NOW + 20 * DAY, ADOPT);
    TELL_WAIT(&s, TIME, NOW + 20 * DAY, NOW + 20 * DAY + 3 * HOUR);
}

// One that is asked for, and a whole interval follows it.
static void asked_for(void **state)
{
    (void)state;
    struct story s = serving(NOW);
    const uint64_t generation = s.set.generation;
    TELL(&s, ASKED, NOW + HOUR, MAKE_NEXT);
    TELL(&s, MADE, NOW + HOUR, WRITE_NEXT);
    TELL_WAIT(&s, TIME, NOW + HOUR, NOW + HOUR + S / 100);
    TELL(&s, WRITTEN, NOW + HOUR, ADOPT);
    TELL_WAIT(&s, TIME, NOW + HOUR, NOW + 4 * HOUR);
    assert_int_equal(s.set.generation, generation + 1);

    // A disk without room: it is tried again until it is written, and then nothing is due.
    TELL(&s, ASKED, NOW + 2 * HOUR, MAKE_NEXT);
    TELL(&s, MADE, NOW + 2 * HOUR, WRITE_NEXT);
    TELL_WAIT(&s, NOT_WRITTEN, NOW + 2 * HOUR, NOW + 2 * HOUR + MINUTE);
    TELL(&s, TIME, NOW + 2 * HOUR + MINUTE, WRITE_NEXT);
    TELL(&s, WRITTEN, NOW + 3 * HOUR, ADOPT);
    TELL_WAIT(&s, TIME, NOW + 3 * HOUR, NOW + 6 * HOUR);
}

// A clock that goes back (a machine that was restored): nothing is made, nothing is forced, and
// what was ready waits for its time.
static void time_jumps_back(void **state)
{
    (void)state;
    struct story s = serving(NOW);
    TELL_WAIT(&s, TIME, NOW - 5 * DAY, NOW + 3 * HOUR);

    TELL(&s, TIME, NOW + DAY, MAKE_NEXT);
    TELL(&s, MADE, NOW + DAY, WRITE_NEXT);
    TELL_WAIT(&s, NOT_WRITTEN, NOW + DAY, NOW + DAY + MINUTE);
    TELL_WAIT(&s, TIME, NOW, NOW + DAY + MINUTE); // not due any more; the failure's minute holds
    TELL_WAIT(&s, TIME, NOW + DAY + MINUTE - 1, NOW + DAY + MINUTE);
    TELL(&s, TIME, NOW + DAY + MINUTE, WRITE_NEXT);
    TELL(&s, WRITTEN, NOW + DAY + MINUTE, ADOPT);
}

// The day of grace runs from when the rotation was first seen to be due, once for each rotation.
static void the_day_of_grace(void **state)
{
    (void)state;
    struct story s = serving(NOW);
    int64_t due = NOW + 5 * DAY;
    TELL(&s, TIME, due, MAKE_NEXT);
    TELL(&s, MADE, due, WRITE_NEXT);
    for (int64_t now = due; now < due + DAY; now += MINUTE) {
        TELL_WAIT(&s, NOT_WRITTEN, now, now + MINUTE);
        TELL_WAIT(&s, TIME, now + MINUTE - 1, now + MINUTE);
        if (now + MINUTE < due + DAY)
            TELL(&s, TIME, now + MINUTE, WRITE_NEXT);
    }
    TELL(&s, TIME, due + DAY, FORCE);
    TELL(&s, TIME, due + DAY, WRITE); // unsaved: the minute since the last failure is over
    assert_true(s.rotation.failing && s.rotation.unsaved);
    TELL_WAIT(&s, NOT_WRITTEN, due + DAY, due + DAY + MINUTE);

    // The next one has its own day.
    TELL(&s, TIME, due + 2 * DAY, MAKE_NEXT);
    TELL(&s, MADE, due + 2 * DAY, WRITE_NEXT);
    TELL_WAIT(&s, NOT_WRITTEN, due + 3 * DAY - 1, due + 3 * DAY - 1 + MINUTE);
    TELL(&s, TIME, due + 3 * DAY, FORCE);
    TELL_WAIT(&s, TIME, due + 3 * DAY, due + 3 * DAY - 1 + MINUTE);
    TELL(&s, TIME, due + 3 * DAY + MINUTE, WRITE);
    TELL_WAIT(&s, WRITTEN, due + 3 * DAY + MINUTE, due + 3 * DAY + MINUTE + 3 * HOUR);
    assert_false(s.rotation.failing || s.rotation.unsaved);
}

// Intervals below eight minutes: their ages are not stored. A write longer than the interval is
// followed by the next rotation at once.
static void short_intervals(void **state)
{
    (void)state;
    struct story s = serving(NOW);
    s.rotation.rotate_ns = S;
    TELL_WAIT(&s, TIME, NOW, NOW + S);
    TELL(&s, TIME, NOW + S, MAKE_NEXT);
    TELL(&s, MADE, NOW + S, WRITE_NEXT);
    TELL(&s, WRITTEN, NOW + 3 * S, ADOPT);
    s.set.key[KEY_FUTURE].made_ns = NOW + S; // as it was written
    TELL(&s, TIME, NOW + 3 * S, MAKE_NEXT);
    assert_true(s.rotation.overdue_ns == NOW + 3 * S);
}

// A key that has sealed 2^44 cookies is worn, and is not looked at as such twice.
static void a_worn_key(void **state)
{
    (void)state;
    struct story s = serving(NOW);
    s.rotation.sealed = (UINT64_C(1) << 44) - 1;
    TELL_WAIT(&s, TIME, NOW + S, NOW + 3 * HOUR);
    s.rotation.sealed++;
    TELL(&s, TIME, NOW + 2 * S, MAKE_NEXT);
    TELL(&s, MADE, NOW + 2 * S, WRITE_NEXT);
    TELL(&s, WRITTEN, NOW + 3 * S, ADOPT);
    assert_int_equal(s.rotation.sealed, 0);
    s.set.key[KEY_FUTURE].made_ns = NOW + 2 * S;
    TELL_WAIT(&s, TIME, NOW + 3 * S, NOW + 3 * S + 3 * HOUR);
}

// Keys older than the boot.
static void keys_of_an_earlier_boot(void **state)
{
    (void)state;
    struct story s = {.rotation.rotate_ns = DAY, .set = set_of_age(-3 * DAY)};
    TELL_WAIT(&s, FOUND_OLD, S, S);
    rotates(&s, S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_in_each_state),
        cmocka_unit_test(from_the_first_start_to_the_end),
        cmocka_unit_test(time_jumps_ahead),
        cmocka_unit_test(asked_for),
        cmocka_unit_test(time_jumps_back),
        cmocka_unit_test(the_day_of_grace),
        cmocka_unit_test(short_intervals),
        cmocka_unit_test(a_worn_key),
        cmocka_unit_test(keys_of_an_earlier_boot),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
