// What a service manager hears: one datagram a change, signs of life in time, and nothing from
// those who are not meant.
#include "supervisor/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/nm-notify-XXXXXX/socket";
static int manager = -1;

static int open_manager(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char *slash = strrchr(path, '/');

    (void)state;
    *slash = '\0';
    memcpy(slash - 6, "XXXXXX", 6);
    const bool made = mkdtemp(path) != NULL;
    *slash = '/';
    strcpy(at.sun_path, path);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setenv("NOTIFY_SOCKET", path, 1);
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return made && bind(manager, (struct sockaddr *)&at, sizeof at) == 0 ? 0 : -1;
}

static int close_manager(void **state)
{
    (void)state;
    close(manager);
    unlink(path);
    *strrchr(path, '/') = '\0';
    const int result = rmdir(path);
    path[strlen(path)] = '/';
    return result;
}

// The next message; "" if there is none.
static const char *heard(void)
{
    static char text[256];
    const ssize_t n = recv(manager, text, sizeof text - 1, 0);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void tells_each_change_once(void **state)
{
    struct notify n;

    (void)state;
    notify_open(&n);
    notify_tick(&n, NOTIFY_STARTING, 1);
    assert_string_equal(heard(), "");
    notify_tick(&n, NOTIFY_SERVING, 2);
    notify_tick(&n, NOTIFY_SERVING, 3);
    assert_string_equal(heard(), "READY=1\nSTATUS=serving");
    assert_string_equal(heard(), "");
    notify_tick(&n, NOTIFY_RELOADING, 4);
    assert_non_null(strstr(heard(), "RELOADING=1\nSTATUS=reloading\nMONOTONIC_USEC="));
    notify_tick(&n, NOTIFY_SERVING, 5);
    assert_string_equal(heard(), "READY=1\nSTATUS=serving");
    notify_tick(&n, NOTIFY_STOPPING, 6);
    assert_string_equal(heard(), "STOPPING=1\nSTATUS=stopping");
}

static void tells_later_what_found_no_room(void **state)
{
    struct notify n;
    int told = 0;

    (void)state;
    notify_open(&n);
    const int filler = socket(AF_UNIX, SOCK_DGRAM, 0);
    while (sendto(filler, "", 1, MSG_DONTWAIT, (struct sockaddr *)&n.address, n.len) == 1)
        continue;
    close(filler);
    notify_tick(&n, NOTIFY_SERVING, 1);
    while (recv(manager, (char[8]){0}, 8, 0) == 1)
        told++;
    assert_true(told > 0);
    notify_tick(&n, NOTIFY_SERVING, 2);
    assert_string_equal(heard(), "READY=1\nSTATUS=serving");
}

static void gives_signs_of_life(void **state)
{
    struct notify n;
    char pid[16];

    (void)state;
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_USEC", "8000000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    notify_open(&n);
    notify_tick(&n, NOTIFY_STARTING, 5000);
    assert_string_equal(heard(), "WATCHDOG=1");
    notify_tick(&n, NOTIFY_STARTING, 6999);
    assert_string_equal(heard(), "");
    notify_tick(&n, NOTIFY_STARTING, 7000);
    assert_string_equal(heard(), "WATCHDOG=1");
}

static void leaves_another_process_its_watchdog(void **state)
{
    struct notify n;

    (void)state;
    setenv("WATCHDOG_USEC", "8000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    notify_open(&n);
    notify_tick(&n, NOTIFY_STARTING, 5000);
    assert_string_equal(heard(), "");
}

static void keeps_the_variables_from_children(void **state)
{
    struct notify n;

    (void)state;
    setenv("WATCHDOG_USEC", "8000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    notify_open(&n);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
}

static void speaks_to_an_abstract_socket(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char name[64];
    struct notify n;

    (void)state;
    close(manager);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int len = snprintf(name, sizeof name, "@nm-notify-%d", (int)getpid());
    memcpy(at.sun_path + 1, name + 1, (size_t)len - 1);
    assert_int_equal(bind(manager, (struct sockaddr *)&at,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)),
                     0);
    setenv("NOTIFY_SOCKET", name, 1);
    notify_open(&n);
    notify_tick(&n, NOTIFY_SERVING, 1);
    assert_string_equal(heard(), "READY=1\nSTATUS=serving");
}

// The next message with its descriptors; how many came.
static int heard_with(char text[static 256], int fd[static NOTIFY_KEEP_MAX])
{
    _Alignas(struct cmsghdr) char ancillary[CMSG_SPACE(NOTIFY_KEEP_MAX * sizeof(int))];
    struct iovec line = {text, 255};
    struct msghdr m = {.msg_iov = &line,
                       .msg_iovlen = 1,
                       .msg_control = ancillary,
                       .msg_controllen = sizeof ancillary};
    const ssize_t n = recvmsg(manager, &m, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&m) : NULL;

    text[n > 0 ? n : 0] = '\0';
    if (c == NULL)
        return 0;
    memcpy(fd, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
    return (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
}

static void gives_sockets_to_keep(void **state)
{
    int fd[NOTIFY_KEEP_MAX], got[NOTIFY_KEEP_MAX];
    struct stat sent, kept;
    char text[256];
    struct notify n;

    (void)state;
    notify_open(&n);
    for (int i = 0; i < NOTIFY_KEEP_MAX; i++)
        fd[i] = manager;
    fd[1] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(notify_keep(&n, "some", fd, NOTIFY_KEEP_MAX));
    assert_int_equal(heard_with(text, got), 0);
    assert_string_equal(text, "FDSTOREREMOVE=1\nFDNAME=some");
    assert_int_equal(heard_with(text, got), NOTIFY_KEEP_MAX);
    assert_string_equal(text, "FDSTORE=1\nFDNAME=some\nFDPOLL=0");
    assert_int_equal(fstat(fd[1], &sent), 0);
    assert_int_equal(fstat(got[1], &kept), 0);
    assert_int_equal(sent.st_ino, kept.st_ino);
    for (int i = 0; i < NOTIFY_KEEP_MAX; i++)
        close(got[i]);
    close(fd[1]);

    assert_true(notify_keep(&n, "none", NULL, 0));
    assert_string_equal(heard(), "FDSTOREREMOVE=1\nFDNAME=none");
    assert_string_equal(heard(), "");
    close(manager);
    assert_false(notify_keep(&n, "none", NULL, 0));
    manager = -1;
}

static void runs_without_a_manager(void **state)
{
    static const char *const addresses[] = {NULL, "", "/", "@", "vsock:2:1", "relative"};
    char long_path[200];
    struct notify n;

    (void)state;
    memset(long_path, 'a', sizeof long_path - 1);
    long_path[0] = '/';
    long_path[sizeof long_path - 1] = '\0';
    for (size_t i = 0; i <= sizeof addresses / sizeof addresses[0]; i++) {
        const char *address = i < sizeof addresses / sizeof addresses[0] ? addresses[i] : long_path;
        if (address == NULL)
            unsetenv("NOTIFY_SOCKET");
        else
            setenv("NOTIFY_SOCKET", address, 1);
        setenv("WATCHDOG_USEC", "8000000", 1);
        notify_open(&n);
        assert_int_equal(n.len, 0);
        assert_true(notify_keep(&n, "some", &manager, 1));
        notify_tick(&n, NOTIFY_SERVING, 1);
    }
    setenv("NOTIFY_SOCKET", "/nobody/listens/here", 1);
    notify_open(&n);
    notify_tick(&n, NOTIFY_SERVING, 1);
    assert_int_equal(n.told, NOTIFY_STARTING);
    assert_string_equal(heard(), "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_manager, close_manager)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tells_each_change_once),
        TEST(tells_later_what_found_no_room),
        TEST(gives_signs_of_life),
        TEST(leaves_another_process_its_watchdog),
        TEST(keeps_the_variables_from_children),
        TEST(speaks_to_an_abstract_socket),
        TEST(gives_sockets_to_keep),
        TEST(runs_without_a_manager),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
