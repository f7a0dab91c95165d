// A child's part in a reload: nothing is taken but what it has agreed to and the supervisor has
// decided.
#include "link/child_reload.h"

#include "base/log.h"
#include "link/handover.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static int supervisor; // its end of the link
static char done[256]; // what the functions did
static int result;     // of the next preparation

static int prepare(void *self, struct link_message *message, char *why, size_t len)
{
    (void)self;
    assert_int_equal(message->n, 1);
    strcat(done, " prepare");
    if (result != 0)
        snprintf(why, len, "no room");
    return result;
}

static void commit(void *self)
{
    (void)self;
    strcat(done, " commit");
}

static void cancel(void *self)
{
    (void)self;
    strcat(done, " cancel");
}

static struct child_reload reload;

static int begin(void **state)
{
    int ends[2];
    (void)state;
    log_set_level("error");
    if (link_pair(ends) != 0 || dup2(ends[1], HANDOVER_LINK) < 0)
        return -1;
    if (ends[1] != HANDOVER_LINK)
        close(ends[1]);
    supervisor = ends[0] == HANDOVER_LINK ? -1 : ends[0];
    reload = (struct child_reload){.prepare = prepare, .commit = commit, .cancel = cancel};
    done[0] = '\0';
    result = 0;
    return supervisor < 0 ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    close(supervisor);
    close(HANDOVER_LINK);
    return 0;
}

// A message of the supervisor; what the child has done and answered: type, id and text.
static void hears(enum link_type type, uint32_t id, const char *wanted)
{
    static const char *const words[LINK_TYPES] = {
        [LINK_ACCEPTED] = "accepted", [LINK_REFUSED] = "refused", [LINK_APPLIED] = "applied"};
    struct link_message message = {.type = type, .id = id};
    char got[LINK_TEXT_MAX + 400];
    if (type == LINK_RELOAD) {
        message.n = 1;
        message.fd[0] = memfd_create("config", MFD_CLOEXEC);
    }
    const int fd = message.fd[0];
    assert_true(child_reload_hear(&reload, &message));
    if (type == LINK_RELOAD)
        assert_int_equal(close(fd), -1); // it has been closed
    size_t len = (size_t)snprintf(got, sizeof got, "%s", done);
    while (link_receive(supervisor, 0, &message) == 1)
        len += (size_t)snprintf(got + len, sizeof got - len, " %s %u %s", words[message.type],
                                message.id, message.text);
    done[0] = '\0';
    assert_string_equal(got, wanted);
}

static void in_two_steps(void **state)
{
    (void)state;
    hears(LINK_RELOAD, 5, " prepare accepted 5 ");
    hears(LINK_COMMIT, 5, " commit applied 5 ");
    hears(LINK_COMMIT, 5, "");
    hears(LINK_RELOAD, 6, " prepare accepted 6 ");
    hears(LINK_CANCEL, 6, " cancel");
    hears(LINK_COMMIT, 6, "");
}

static void what_is_refused_is_not_taken(void **state)
{
    (void)state;
    result = -ENOMEM;
    hears(LINK_RELOAD, 5, " prepare refused 5 no room");
    hears(LINK_COMMIT, 5, "");
    hears(LINK_CANCEL, 5, "");
}

static void only_the_reload_that_is_meant(void **state)
{
    (void)state;
    hears(LINK_RELOAD, 5, " prepare accepted 5 ");
    hears(LINK_COMMIT, 4, "");
    hears(LINK_CANCEL, 4, "");
    hears(LINK_COMMIT, 0, "");
    hears(LINK_RELOAD, 6, " cancel prepare accepted 6 "); // the cancellation of 5 did not arrive
    hears(LINK_COMMIT, 6, " commit applied 6 ");
}

static void the_rest_is_for_others(void **state)
{
    (void)state;
    struct link_message message = {.type = LINK_APPLIED, .id = 1};
    assert_false(child_reload_hear(&reload, &message));
    hears(LINK_RELOAD, 5, " prepare accepted 5 ");
    child_reload_close(&reload);
    child_reload_close(&reload);
    assert_string_equal(done, " cancel");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_two_steps, begin, end),
        cmocka_unit_test_setup_teardown(what_is_refused_is_not_taken, begin, end),
        cmocka_unit_test_setup_teardown(only_the_reload_that_is_meant, begin, end),
        cmocka_unit_test_setup_teardown(the_rest_is_for_others, begin, end),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("link/child_reload", tests, NULL, NULL);
}
