// Sockets that come back from the service manager: which are taken, which are closed, and what it
// is told to keep. On loopback, with ports that the kernel chooses.
#include "supervisor/kept_sockets.h"

#include "supervisor/descriptors.h"
#include "supervisor/guard_socket.h"
#include "supervisor/listeners.h"
#include "supervisor/notify.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static struct kept_sockets kept;

static int setup(void **state)
{
    (void)state;
    kept_sockets_init(&kept);
    return 0;
}

static struct sockaddr_storage address_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    return address;
}

static int listener(int family)
{
    struct config_listen at = {.text = "?", .key = "?", .address.ss_family = (sa_family_t)family};
    at.len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    const int fd = listener_open(&at, 0);
    assert_true(fd >= 0);
    return fd;
}

static int guard(int family, bool answered)
{
    const int fd = guard_socket_open(family, 0, "dataplane.udp_port", answered, 0);
    assert_true(fd >= 0);
    return fd;
}

static int claim_listener(int fd, enum kept_kind kind)
{
    const struct config_listen at = {.address = address_of(fd)};
    return kept_sockets_listener(&kept, kind, &at);
}

static int claim_udp(int fd, bool answered, bool shared)
{
    const struct sockaddr_storage at = address_of(fd);
    return kept_sockets_udp(&kept, &at, answered, shared);
}

static void only_its_names_are_taken(void **state)
{
    (void)state;
    static const char *const others[] = {"",         "kept",   "kept-",
                                         "kept-kex", "stored", "noonmarkd.socket"};
    const int fd = listener(AF_INET);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(kept_sockets_take(&kept, fd, others[i]));
    fcntl(fd, F_SETFD, 0);
    assert_true(kept_sockets_take(&kept, fd, "kept-ke"));
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_true(kept_sockets_end(&kept)); // nobody wants it
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void listeners_are_found(int family)
{
    const int fd = listener(family), other = listener(family);
    fcntl(fd, F_SETFL, 0);
    assert_true(kept_sockets_take(&kept, fd, "kept-ke"));
    assert_int_equal(claim_listener(fd, KEPT_METRICS), -1);
    assert_int_equal(claim_listener(other, KEPT_KE), -1);
    assert_int_equal(claim_listener(fd, KEPT_KE), fd);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_int_equal(claim_listener(fd, KEPT_KE), -1); // once
    assert_false(kept_sockets_end(&kept));
    close(fd);
    close(other);
}

static void listeners_are_found_v4(void **state)
{
    (void)state;
    listeners_are_found(AF_INET);
}

static void listeners_are_found_v6(void **state)
{
    (void)state;
    listeners_are_found(AF_INET6);
}

// One that a child has shut down, one of both families, and no TCP socket at all.
static void unfit_listeners_are_closed(void **state)
{
    (void)state;
    const struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    const int fd[] = {listener(AF_INET), socket(AF_INET6, SOCK_STREAM, 0), guard(AF_INET, true)};
    shutdown(fd[0], SHUT_RD);
    assert_int_equal(bind(fd[1], (const struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(listen(fd[1], 1), 0);
    for (int i = 0; i < 3; i++) {
        assert_true(kept_sockets_take(&kept, fd[i], "kept-ke"));
        assert_int_equal(claim_listener(fd[i], KEPT_KE), -1);
    }
    assert_true(kept_sockets_end(&kept));
    for (int i = 0; i < 3; i++)
        assert_int_equal(fcntl(fd[i], F_GETFD), -1);
}

static bool shares_port(int fd)
{
    int on = -1;
    socklen_t len = sizeof on;
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, &len), 0);
    return on == 1;
}

static void guards_are_found(int family)
{
    const int deaf = guard(family, false), fd = guard(family, true);
    assert_true(kept_sockets_take(&kept, deaf, "kept-ntp"));
    assert_true(kept_sockets_take(&kept, fd, "kept-ntp"));
    assert_int_equal(claim_udp(fd, false, false), -1); // dataplane.kernel_path is another one
    assert_int_equal(claim_udp(deaf, true, false), -1);
    assert_int_equal(claim_udp(fd, true, true), fd);
    assert_true(shares_port(fd));
    assert_int_equal(claim_udp(deaf, false, false), deaf);
    assert_false(shares_port(deaf));
    assert_false(kept_sockets_end(&kept));
    close(fd);
    close(deaf);
}

static void guards_are_found_v4(void **state)
{
    (void)state;
    guards_are_found(AF_INET);
}

static void guards_are_found_v6(void **state)
{
    (void)state;
    guards_are_found(AF_INET6);
}

// What an intruder in the dataplane could leave behind.
static void spoilt_guards_are_closed(void **state)
{
    (void)state;
    const struct sockaddr_in any = {.sin_family = AF_INET};
    const int peer = guard(AF_INET, true), joined = guard(AF_INET, true),
              bare = socket(AF_INET, SOCK_DGRAM, 0), bound = guard(AF_INET, true);
    struct sockaddr_storage to = address_of(peer);
    ((struct sockaddr_in *)&to)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(joined, (struct sockaddr *)&to, sizeof any), 0);
    assert_int_equal(bind(bare, (const struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(setsockopt(bound, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), 0);
    const int fd[] = {joined, bare, bound};
    for (int i = 0; i < 3; i++) {
        assert_true(kept_sockets_take(&kept, fd[i], "kept-ntp"));
        assert_int_equal(claim_udp(fd[i], true, false), -1);
    }
    assert_true(kept_sockets_end(&kept));
    close(peer);
}

// As long as the one that lets nothing in, but it lets all in.
static void a_guard_with_another_filter_is_closed(void **state)
{
    (void)state;
    struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)};
    const struct sock_fprog program = {.len = 1, .filter = all};
    const struct sockaddr_in any = {.sin_family = AF_INET};
    const int on = 1, fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on), 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof any), 0);
    assert_true(kept_sockets_take(&kept, fd, "kept-ntp"));
    assert_int_equal(claim_udp(fd, false, false), -1);
    assert_true(kept_sockets_end(&kept));
}

static void what_is_no_socket_is_closed(void **state)
{
    (void)state;
    const int file = open("/dev/null", O_RDONLY);
    assert_true(kept_sockets_take(&kept, file, "kept-ntp"));
    assert_int_equal(fcntl(file, F_GETFD), -1);
    assert_int_equal(kept.n, 0);
    assert_true(kept_sockets_end(&kept));
}

static void one_file_of_the_clock_comes_back(void **state)
{
    (void)state;
    const int a = open("/dev/null", O_RDONLY), b = open("/dev/null", O_RDONLY);
    assert_true(kept_sockets_take(&kept, a, "kept-clock"));
    assert_true(kept_sockets_take(&kept, b, "kept-clock"));
    assert_int_equal(fcntl(b, F_GETFD), -1);
    assert_int_equal(kept_sockets_clock(&kept), a);
    assert_int_equal(kept_sockets_clock(&kept), -1);
    assert_true(kept_sockets_end(&kept)); // of two, one is too many
    close(a);
}

static void the_manager_gets_what_is_held(void **state)
{
    (void)state;
    enum { MOST = 32 };
    struct sockaddr_un at = {.sun_family = AF_UNIX}; // the kernel chooses an abstract name
    struct notify n = {.len = sizeof at};
    static struct descriptors held;
    static const struct {
        const char *says;
        size_t octets; // of its descriptors
    } wanted[] = {
        {"FDSTOREREMOVE=1\nFDNAME=kept-ke", 0},      {"FDSTORE=1\nFDNAME=kept-ke\nFDPOLL=0", 4},
        {"FDSTOREREMOVE=1\nFDNAME=kept-metrics", 0}, {"FDSTOREREMOVE=1\nFDNAME=kept-clock", 0},
        {"FDSTOREREMOVE=1\nFDNAME=kept-ntp", 0},     {"FDSTORE=1\nFDNAME=kept-ntp\nFDPOLL=0", 12},
    };
    const int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(manager, (struct sockaddr *)&at, sizeof(sa_family_t)), 0);
    assert_int_equal(getsockname(manager, (struct sockaddr *)&n.address, &n.len), 0);
    for (int i = 0; i < CONFIG_LISTEN_MAX; i++)
        held.listener[i] = -1;
    for (int i = 0; i < SOCKETS_MAX; i++)
        held.socket[i] = -1;
    held.metrics_listener = held.kept_offset = held.guard[1] = held.guard[3] = -1;
    held.listener[0] = held.listener[1] = held.socket[3] = manager;
    held.guard[0] = held.guard[2] = manager; // of both UDP ports
    held.given[1] = true;                    // the manager has it anyway

    assert_true(kept_sockets_tell(&held, &n));
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        char text[128];
        _Alignas(struct cmsghdr) char ancillary[CMSG_SPACE(MOST * sizeof(int))];
        struct iovec line = {text, sizeof text};
        struct msghdr m = {.msg_iov = &line,
                           .msg_iovlen = 1,
                           .msg_control = ancillary,
                           .msg_controllen = sizeof ancillary};
        const ssize_t len = recvmsg(manager, &m, 0);
        assert_int_equal(len, strlen(wanted[i].says));
        assert_memory_equal(text, wanted[i].says, (size_t)len);
        const struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        assert_int_equal(c == NULL ? 0 : c->cmsg_len - CMSG_LEN(0), wanted[i].octets);
        for (size_t k = 0; k < wanted[i].octets; k += 4)
            close(((const int *)(const void *)CMSG_DATA(c))[k / 4]);
    }
    assert_int_equal(recv(manager, (char[1]){0}, 1, 0), -1);
    close(manager);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_its_names_are_taken),      TEST(listeners_are_found_v4),
        TEST(listeners_are_found_v6),        TEST(unfit_listeners_are_closed),
        TEST(guards_are_found_v4),           TEST(guards_are_found_v6),
        TEST(spoilt_guards_are_closed),      TEST(a_guard_with_another_filter_is_closed),
        TEST(what_is_no_socket_is_closed),   TEST(one_file_of_the_clock_comes_back),
        TEST(the_manager_gets_what_is_held),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("supervisor/kept_sockets", tests, NULL, NULL);
}
