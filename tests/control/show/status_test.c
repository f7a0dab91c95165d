// The connections of the control socket. Tests of the whole server check the content of answers.
#include "control/show/status.h"

#include "base/now.h"
#include "control/keys/keys.h"
#include "control/show/keys_request.h"
#include "link/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un name = {.sun_family = AF_UNIX};
static const struct config served = {.time.hook = ""};
static struct status *status;
static int link_ends[2]; // the supervisor's, ours
static int listener;
static uint64_t now = 1000;
static char directory[] = "/tmp/noonmark-socket-XXXXXX", file[64];
static struct keys *keys;
static struct snapshot ring;

static int open_all(void **state)
{
    (void)state;
    assert_int_equal(link_pair(link_ends), 0);
    struct config config = {.keys = {.rotate_s = 86400, .keep = 3, .file = file}};
    assert_non_null(mkdtemp(directory));
    snprintf(file, sizeof file, "%s/keys", directory);
    assert_int_equal(keys_open(&config, &keys), 0);
    const struct status_sources nothing = {.config = &served, .link = link_ends[1], .keys = keys};
    // An abstract name: nothing to remove.
    snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "noonmark-status-test-%d", getpid());
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(status_open(listener, &nothing, &status), 0);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    status_close(status);
    keys_close(keys);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
    close(listener);
    close(link_ends[0]);
    close(link_ends[1]);
    return 0;
}

static int client(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
    status_turn(status, now);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
    status_turn(status, now);
}

static void expect_answer(int fd)
{
    char answer[256] = "";
    assert_true(recv(fd, answer, sizeof answer - 1, 0) > 0);
    assert_non_null(strstr(answer, "unknown request"));
    assert_int_equal(recv(fd, answer, sizeof answer, 0), 0);
}

static void answers_an_unknown_request(void **state)
{
    (void)state;
    int fd = client();
    say(fd, "nonsense\n");
    expect_answer(fd);
    close(fd);
}

static void takes_a_line_in_pieces(void **state)
{
    (void)state;
    int fd = client();
    say(fd, "non");
    say(fd, "sense\n");
    expect_answer(fd);
    close(fd);
}

static void refuses_a_line_without_end(void **state)
{
    (void)state;
    char octet;
    char line[KEYS_REQUEST_MAX];
    memset(line, 'x', sizeof line);
    int fd = client();
    assert_int_equal(send(fd, line, sizeof line, 0), sizeof line);
    status_turn(status, now);
    assert_int_equal(recv(fd, &octet, 1, 0), 0);
    close(fd);
}

// A client that has requested a reload. Returns the id of the request to the supervisor.
static int ask_reload(uint32_t *id)
{
    struct link_message message;
    int fd = client();
    say(fd, "reload\n");
    assert_int_equal(link_receive(link_ends[0], 0, &message), 1);
    assert_int_equal(message.type, LINK_ASK_RELOAD);
    *id = message.id;
    return fd;
}

static void expect(int fd, const char *wanted)
{
    char answer[512] = "";
    status_turn(status, now);
    assert_true(recv(fd, answer, sizeof answer - 1, 0) > 0);
    assert_string_equal(answer, wanted);
    assert_int_equal(recv(fd, answer, sizeof answer, 0), 0);
    close(fd);
}

static void each_reload_gets_its_own_answer(void **state)
{
    (void)state;
    uint32_t first, second, third;
    char octet;
    int a = ask_reload(&first), b = ask_reload(&second);
    assert_true(first != second && first != 0 && second != 0);
    status_turn(status, now);
    assert_int_equal(recv(a, &octet, 1, 0), -1); // not yet
    status_reloaded(status, second, false, "/a \"b\".pem: HAS EXPIRED");
    expect(b, "{\"refused\":\"/a \\\"b\\\".pem: HAS EXPIRED\"}\n");
    status_reloaded(status, second, true, ""); // once is all
    status_reloaded(status, 0, true, "");
    assert_int_equal(recv(a, &octet, 1, 0), -1);
    status_reloaded(status, first, true,
                    "applied control.certificates log.level\nunchanged\nrestart keys.rotate\n");
    expect(a, "{\"applied\":[\"control.certificates\",\"log.level\"],\"unchanged\":[],"
              "\"needs_restart\":[\"keys.rotate\"]}\n");

    int c = ask_reload(&third);
    status_reloaded(status, third, false, "\xff");
    expect(c, "{\"refused\":\"the reason is no text in UTF-8; see the log\"}\n");
}

static bool is_answered(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, 1) == 1;
}

// Answered once the keys have rotated; who asks meanwhile is refused, and who leaves is forgotten.
static void a_rotation_is_answered_when_it_has_ended(void **state)
{
    (void)state;
    char answer[512] = "";
    int a = client(), b = client(), c = client();
    say(a, "keys rotate\n");
    assert_int_equal(keys_outcome(keys)->asked, KEYS_ASKED);
    status_keys_turned(status);
    assert_false(is_answered(a));
    say(b, "keys rotate\n");
    expect(b, "{\"refused\":\"a rotation is under way; see noonmarkctl keys\"}\n");
    while (!is_answered(a)) {
        keys_turn(keys, &ring, now_ns());
        status_keys_turned(status);
    }
    assert_int_equal(keys_outcome(keys)->asked, KEYS_ROTATED);
    assert_true(recv(a, answer, sizeof answer - 1, 0) > 0);
    assert_non_null(strstr(answer, "\"wiped\":[],\"imported\":0,\"keys\":3}\n"));
    assert_int_equal(recv(a, answer, sizeof answer, 0), 0);
    close(a);

    say(c, "keys rotate\n");
    close(c);
    status_turn(status, now);
    while (keys_outcome(keys)->asked != KEYS_ROTATED) {
        keys_turn(keys, &ring, now_ns());
        status_keys_turned(status);
    }
    status_keys_turned(status);
}

// The supervisor decides, and only while it drains is it asked to stop.
static void the_steps_of_a_drain(void **state)
{
    (void)state;
    static struct link_message message;
    const struct {
        const char *request, *asked, *answer;
        bool draining;
    } steps[] = {
        {"drain\n", LINK_DRAIN_BEGIN, "{\"draining\":true,\"hook\":null}\n", true},
        {"drain cancel\n", LINK_DRAIN_CANCEL, "{\"draining\":false,\"hook\":null}\n", false},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        char octet;
        int fd = client();
        say(fd, steps[i].request);
        assert_int_equal(link_receive(link_ends[0], 0, &message), 1);
        assert_int_equal(message.type, LINK_DRAIN);
        assert_string_equal(message.text, steps[i].asked);
        assert_int_equal(recv(fd, &octet, 1, 0), -1); // not yet
        status_draining(status, message.id, steps[i].draining);
        expect(fd, steps[i].answer);
    }
    int fd = client();
    say(fd, "drain stop\n");
    assert_int_equal(link_receive(link_ends[0], 0, &message), -EAGAIN);
    expect(fd, "{\"refused\":\"the server is not draining; 'noonmarkctl drain' begins it\"}\n");
    status_draining(status, 0, true); // this control was started while the server drains
    fd = client();
    say(fd, "drain stop\n");
    assert_int_equal(link_receive(link_ends[0], 0, &message), 1);
    assert_string_equal(message.text, LINK_DRAIN_STOP);
    expect(fd, "{\"draining\":true,\"hook\":null}\n");
}

// Its place is free at once, and the answer goes nowhere.
static void a_client_that_leaves_is_forgotten(void **state)
{
    (void)state;
    uint32_t id;
    close(ask_reload(&id));
    status_turn(status, now);
    int fd = client();
    status_reloaded(status, id, true, "applied a\n");
    say(fd, "nonsense\n");
    expect_answer(fd);
    close(fd);
}

static void without_a_supervisor_it_says_so(void **state)
{
    (void)state;
    close(link_ends[0]);
    link_ends[0] = dup(link_ends[1]);
    int fd = client();
    say(fd, "reload\n");
    expect(fd, "{\"refused\":\"the supervisor cannot be reached; send it SIGHUP instead\"}\n");
}

// Silent clients do not block others: the oldest connection is closed for a new one.
static void silent_clients_make_room(void **state)
{
    (void)state;
    enum { SILENT = 20 };
    int silent[SILENT];
    for (int i = 0; i < SILENT; i++)
        silent[i] = client();
    int fd = client();
    say(fd, "nonsense\n");
    expect_answer(fd);

    char octet;
    assert_int_equal(recv(silent[0], &octet, 1, 0), 0);
    assert_int_equal(recv(silent[SILENT - 1], &octet, 1, 0), -1); // still open
    for (int i = 0; i < SILENT; i++)
        close(silent[i]);
    status_turn(status, now);
    close(fd);
}

static bool wants_a_turn(void)
{
    struct pollfd wait = {.fd = status_fd(status), .events = POLLIN};
    return poll(&wait, 1, 0) == 1;
}

// Without descriptors the loop is not kept awake; the client is served when there are some again.
static void a_famine_of_descriptors_is_waited_out(void **state)
{
    (void)state;
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    none = before;
    none.rlim_cur = (rlim_t)fd + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
    assert_true(wants_a_turn());
    uint64_t due = status_turn(status, now);
    assert_true(due > now && due < UINT64_MAX);
    assert_false(wants_a_turn());
    assert_int_equal(status_turn(status, due - 1), due);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(status_turn(status, due), UINT64_MAX);
    say(fd, "nonsense\n");
    expect_answer(fd);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_an_unknown_request),
        cmocka_unit_test(takes_a_line_in_pieces),
        cmocka_unit_test(refuses_a_line_without_end),
        cmocka_unit_test(silent_clients_make_room),
        cmocka_unit_test(a_famine_of_descriptors_is_waited_out),
        cmocka_unit_test(each_reload_gets_its_own_answer),
        cmocka_unit_test(the_steps_of_a_drain),
        cmocka_unit_test(a_client_that_leaves_is_forgotten),
        cmocka_unit_test(a_rotation_is_answered_when_it_has_ended),
        cmocka_unit_test(without_a_supervisor_it_says_so), // ends the link: the last one
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, open_all, close_all);
}
