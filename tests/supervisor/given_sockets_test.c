// Sockets that the service manager hands over: which are taken, which are refused.
#include "supervisor/given_sockets.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { FIRST = 3, ABOVE = 200 };

static struct given_sockets given;
static struct kept_sockets kept;
static char said[512];

// A socket on loopback, as the manager leaves it: no close-on-exec. Its address is in *at.
static int make(int family, int type, bool listens, bool v6only, struct config_listen *at)
{
    struct sockaddr_storage a = {.ss_family = (sa_family_t)family};
    const int only = v6only;
    const int fd = socket(family, type, 0);
    assert_true(fd >= 0);
    at->len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if (family == AF_INET)
        ((struct sockaddr_in *)&a)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only); // at [::]
    assert_int_equal(bind(fd, (struct sockaddr *)&a, at->len), 0);
    if (listens)
        assert_int_equal(listen(fd, 5), 0);
    socklen_t len = sizeof at->address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at->address, &len), 0);
    const int moved = fcntl(fd, F_DUPFD, ABOVE);
    close(fd);
    return moved;
}

static void give(const int *fd, int n, const char *names)
{
    char text[32];
    for (int i = 0; i < n; i++) {
        assert_int_equal(dup2(fd[i], FIRST + i), FIRST + i);
        close(fd[i]);
    }
    snprintf(text, sizeof text, "%d", (int)getpid());
    setenv("LISTEN_PID", text, 1);
    snprintf(text, sizeof text, "%d", n);
    setenv("LISTEN_FDS", text, 1);
    setenv("LISTEN_FDNAMES", names, 1);
    said[0] = '\0';
    log_divert(said, sizeof said);
}

static int teardown(void **state)
{
    (void)state;
    log_divert(NULL, 0);
    given_sockets_end(&given);
    for (int fd = FIRST; fd < FIRST + 20; fd++)
        close(fd);
    return 0;
}

static void sockets_are_found_by_address(void **state)
{
    (void)state;
    struct config_listen v4 = {0}, v6 = {0}, other = {0};
    const int fd[] = {make(AF_INET6, SOCK_STREAM, true, true, &v6),
                      make(AF_INET, SOCK_STREAM, true, false, &v4)};
    close(make(AF_INET, SOCK_STREAM, false, false, &other));
    give(fd, 2, "six:four");
    assert_int_equal(given_sockets_take(&given, &kept), 0);
    assert_null(getenv("LISTEN_PID"));
    assert_null(getenv("LISTEN_FDS"));
    assert_null(getenv("LISTEN_FDNAMES"));
    assert_int_equal(given_sockets_claim(&given, &other), -1);
    assert_int_equal(given_sockets_claim(&given, &v4), FIRST + 1);
    assert_int_equal(given_sockets_claim(&given, &v4), -1); // once
    assert_int_equal(given_sockets_claim(&given, &v6), FIRST);
    assert_int_equal(fcntl(FIRST, F_GETFD), FD_CLOEXEC);
    assert_int_equal(given_sockets_end(&given), 0);
    assert_string_equal(said, "");
    assert_true(fcntl(FIRST, F_GETFD) >= 0); // the caller's
}

// Among those of a socket unit, in any order. They do not count for its limit.
static void kept_ones_are_put_aside(void **state)
{
    (void)state;
    struct config_listen v4 = {0}, other = {0};
    const int fd[] = {make(AF_INET, SOCK_STREAM, true, false, &other),
                      make(AF_INET, SOCK_STREAM, true, false, &v4)};
    give(fd, 2, "kept-ke:noonmarkd.socket");
    assert_int_equal(given_sockets_take(&given, &kept), 0);
    assert_int_equal(given.n, 1);
    assert_int_equal(given_sockets_claim(&given, &other), -1);
    assert_int_equal(kept_sockets_listener(&kept, KEPT_KE, &v4), -1);
    assert_int_equal(given_sockets_claim(&given, &v4), FIRST + 1);
    assert_int_equal(kept_sockets_listener(&kept, KEPT_KE, &other), FIRST);
    assert_int_equal(given_sockets_end(&given), 0);
    assert_false(kept_sockets_end(&kept));
}

static void one_too_many_is_named(void **state)
{
    (void)state;
    struct config_listen v4 = {0};
    char address[64];
    const int fd[] = {make(AF_INET, SOCK_STREAM, true, false, &v4)};
    give(fd, 1, "noonmarkd.socket");
    assert_int_equal(given_sockets_take(&given, &kept), 0);
    assert_int_equal(given_sockets_end(&given), -EINVAL);
    snprintf(address, sizeof address, "a socket at 127.0.0.1:%u (noonmarkd.socket)",
             ntohs(((struct sockaddr_in *)&v4.address)->sin_port));
    assert_non_null(strstr(said, address));
    assert_int_equal(fcntl(FIRST, F_GETFD), -1); // closed
}

static void unfit_ones_are_refused(void **state)
{
    (void)state;
    static const struct {
        int family, type;
        bool listens, v6only;
        const char *says;
    } rows[] = {
        {AF_INET, SOCK_DGRAM, false, false, "is no TCP socket"},
        {AF_INET, SOCK_STREAM, false, false, "does not listen"},
        {AF_INET6, SOCK_STREAM, true, false, "BindIPv6Only=ipv6-only"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config_listen at = {0};
        const int fd[] = {make(rows[i].family, rows[i].type, rows[i].listens, rows[i].v6only, &at)};
        give(fd, 1, "a\tb");
        assert_int_equal(given_sockets_take(&given, &kept), -EINVAL);
        assert_non_null(strstr(said, rows[i].says));
        assert_non_null(strstr(said, "(a b)"));
        assert_int_equal(given.n, 0);
        assert_int_equal(fcntl(FIRST, F_GETFD), -1);
        log_divert(NULL, 0);
    }
    give(NULL, 0, "");
    setenv("LISTEN_FDS", "17", 1);
    assert_int_equal(given_sockets_take(&given, &kept), -EINVAL);
    assert_non_null(strstr(said, "17 sockets"));
}

// Variables that were meant for another process, or are none of a manager's.
static void others_are_left_alone(void **state)
{
    (void)state;
    static const char *const pids[] = {"1", "", "x", "-1", NULL};
    static const char *const counts[] = {"0", "", "-1", "3x", "1", NULL};
    for (size_t i = 0; i < 5; i++) {
        struct config_listen at = {0};
        const int fd[] = {make(AF_INET, SOCK_STREAM, true, false, &at)};
        give(fd, 1, "");
        if (pids[i] != NULL)
            setenv("LISTEN_PID", pids[i], 1);
        else
            unsetenv("LISTEN_PID");
        assert_int_equal(given_sockets_take(&given, &kept), 0);
        assert_int_equal(given.n, 0);
        assert_true(fcntl(FIRST, F_GETFD) >= 0);
        assert_null(getenv("LISTEN_FDS"));
        log_divert(NULL, 0);
    }
    for (size_t i = 0; counts[i] != NULL; i++) {
        struct config_listen at = {0};
        const int fd[] = {make(AF_INET, SOCK_STREAM, true, false, &at)};
        give(fd, 1, "");
        setenv("LISTEN_FDS", counts[i], 1);
        assert_int_equal(given_sockets_take(&given, &kept), 0);
        assert_int_equal(given.n, strcmp(counts[i], "1") == 0);
        log_divert(NULL, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(sockets_are_found_by_address, teardown),
        cmocka_unit_test_teardown(kept_ones_are_put_aside, teardown),
        cmocka_unit_test_teardown(one_too_many_is_named, teardown),
        cmocka_unit_test_teardown(unfit_ones_are_refused, teardown),
        cmocka_unit_test_teardown(others_are_left_alone, teardown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("supervisor/given_sockets", tests, NULL, NULL);
}
