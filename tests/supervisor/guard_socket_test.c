// The guard sockets' filter, in the kernel: what it lets in, what it discards and counts.
#include "supervisor/guard_socket.h"

#include "base/log.h"
#include "link/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t len_of(int family)
{
    return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

// A port of the kernel's choice that is free now.
static uint16_t free_port(int family)
{
    union address own = {.any.sa_family = (sa_family_t)family};
    socklen_t len = sizeof own;
    const int fd = socket(family, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, &own.any, len_of(family)), 0);
    assert_int_equal(getsockname(fd, &own.any, &len), 0);
    close(fd);
    return ntohs(family == AF_INET ? own.v4.sin_port : own.v6.sin6_port);
}

static int client_of(int family, uint16_t port)
{
    union address to = {.any.sa_family = (sa_family_t)family};
    if (family == AF_INET) {
        to.v4.sin_port = htons(port);
        to.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
        to.v6.sin6_port = htons(port);
        to.v6.sin6_addr = in6addr_loopback;
    }
    const int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fd, &to.any, len_of(family)), 0);
    return fd;
}

enum { TRIES = 10000 }; // of a millisecond: a busy kernel puts off what comes

// Until the datagram is queued or discarded.
static bool is_let_in(int guard, int client, const void *octets, size_t len)
{
    char got[2048];
    uint32_t before, now;
    assert_int_equal(guard_discarded(guard, &before), 0);
    assert_int_equal(send(client, octets, len, 0), len);
    for (unsigned i = 0; i < TRIES; i++) {
        const ssize_t n = recv(guard, got, sizeof got, MSG_DONTWAIT);
        assert_true(n == (ssize_t)len || (n < 0 && errno == EAGAIN));
        assert_int_equal(guard_discarded(guard, &now), 0);
        if (n >= 0 || now != before)
            return n >= 0;
        usleep(1000);
    }
    fail_msg("a datagram has not come");
    return false;
}

static void requests_are_let_in(int family)
{
    const uint16_t port = free_port(family);
    const int guard = guard_socket_open(family, port, "dataplane.udp_port", true, 0);
    assert_true(guard >= 0);
    char said[512];
    log_divert(said, sizeof said);
    assert_int_equal(guard_socket_open(family, port, "dataplane.nts_port", true, 0), -EADDRINUSE);
    log_divert(NULL, 0);
    assert_non_null(strstr(said, "stop it or set dataplane.nts_port"));
    const int client = client_of(family, port);

    uint32_t wanted = 0;
    uint8_t octets[1200] = {0};
    for (unsigned first = 0; first < 256; first++) {
        octets[0] = (uint8_t)first;
        const unsigned version = first >> 3 & 7, mode = first & 7;
        const bool request = mode == 3 || (version == 1 && mode == 0);
        assert_int_equal(is_let_in(guard, client, octets, 48), request);
        wanted += !request;
    }
    octets[0] = 4 << 3 | 3;
    static const struct {
        size_t len;
        bool in;
    } lengths[] = {{0, false}, {1, false}, {47, false}, {48, true}, {228, true}, {1200, true}};
    for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        assert_int_equal(is_let_in(guard, client, octets, lengths[i].len), lengths[i].in);
        wanted += !lengths[i].in;
    }
    // The kernel has counted the others, and nothing was answered, not even by ICMP.
    uint32_t n = 99;
    assert_true(guard_is(guard));
    assert_int_equal(guard_discarded(guard, &n), 0);
    assert_int_equal(n, wanted);
    assert_int_equal(recv(client, octets, sizeof octets, 0), -1);
    assert_int_equal(errno, EAGAIN);
    close(client);
    close(guard);
}

static void requests_are_let_in_v4(void **state)
{
    (void)state;
    requests_are_let_in(AF_INET);
}

static void requests_are_let_in_v6(void **state)
{
    (void)state;
    requests_are_let_in(AF_INET6);
}

// Where the configuration says so, nothing is let in.
static void nothing_is_let_in(void **state)
{
    (void)state;
    static const int families[] = {AF_INET, AF_INET6};
    for (unsigned i = 0; i < 2; i++) {
        const uint16_t port = free_port(families[i]);
        const int guard = guard_socket_open(families[i], port, "dataplane.udp_port", false, 0);
        assert_true(guard >= 0);
        const int client = client_of(families[i], port);
        const uint8_t octets[48] = {4 << 3 | 3};
        uint32_t n = 99;
        assert_false(is_let_in(guard, client, octets, sizeof octets));
        assert_int_equal(guard_discarded(guard, &n), 0);
        assert_int_equal(n, 1);
        close(client);
        close(guard);
    }
}

// No process can put another filter in its place.
static void the_filter_is_locked(void **state)
{
    (void)state;
    const int guard = guard_socket_open(AF_INET, free_port(AF_INET), "dataplane.udp_port", true, 0);
    const int nothing = 0;
    assert_int_equal(setsockopt(guard, SOL_SOCKET, SO_DETACH_FILTER, &nothing, sizeof nothing), -1);
    assert_int_equal(errno, EPERM);
    close(guard);
}

// Each of the sockets of one port gets its share; none is shared with another server.
static void the_sockets_of_a_port_share_it(void **state)
{
    (void)state;
    struct config_port at = {.kind = PORT_SOCKET, .device = (char[]){"[::]:?"}};
    struct sockaddr_in6 *address = (struct sockaddr_in6 *)&at.endpoint;
    const uint16_t port = free_port(AF_INET6);
    *address = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
    at.endpoint_len = sizeof *address;
    assert_int_equal(port_socket_look(&at), 0);
    int share[2] = {port_socket_open(&at, port, true, 0), port_socket_open(&at, port, false, 0)};
    assert_true(share[0] >= 0 && share[1] >= 0);
    assert_int_equal(port_socket_open(&at, port, true, 0), -EADDRINUSE);
    assert_int_equal(port_socket_look(&at), 0);

    int room;
    socklen_t len = sizeof room;
    assert_int_equal(getsockopt(share[1], SOL_SOCKET, SO_RCVBUF, &room, &len), 0);
    const int guard = guard_socket_open(AF_INET, free_port(AF_INET), "dataplane.udp_port", true, 0);
    int usual;
    assert_int_equal(getsockopt(guard, SOL_SOCKET, SO_RCVBUF, &usual, &len), 0);
    close(guard);
    assert_true(room > usual);

    unsigned n[2] = {0, 0};
    const uint8_t octets[48] = {4 << 3 | 3};
    for (unsigned i = 0; i < 200; i++) {
        const int client = client_of(AF_INET6, port);
        uint8_t got[48];
        assert_int_equal(send(client, octets, sizeof octets, 0), sizeof octets);
        assert_int_equal(send(client, octets, sizeof octets - 1, 0), sizeof octets - 1);
        struct pollfd wait[2] = {{.fd = share[0], .events = POLLIN},
                                 {.fd = share[1], .events = POLLIN}};
        assert_int_equal(poll(wait, 2, TRIES), 1);
        for (unsigned k = 0; k < 2; k++)
            n[k] += recv(share[k], got, sizeof got, MSG_DONTWAIT) == sizeof got;
        close(client);
    }
    assert_int_equal(n[0] + n[1], 200);
    assert_true(n[0] > 20 && n[1] > 20);
    close(share[0]);
    close(share[1]);

    address->sin6_addr = (struct in6_addr){.s6_addr = {0x20, 1, 0xd, 0xb8, [15] = 1}};
    assert_int_equal(port_socket_open(&at, port, true, 0), -EADDRNOTAVAIL);
    assert_int_equal(port_socket_look(&at), -EADDRNOTAVAIL);
}

// A socket of the port's address at dataplane.nts_port: beside the one at its own port.
static void a_port_has_a_second_udp_port(void **state)
{
    (void)state;
    struct config_port at = {.kind = PORT_SOCKET, .device = (char[]){"127.0.0.1:?"}};
    struct sockaddr_in *address = (struct sockaddr_in *)&at.endpoint;
    const uint16_t port = free_port(AF_INET);
    *address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    at.endpoint_len = sizeof *address;
    const int first = port_socket_open(&at, port, true, 0);
    assert_true(first >= 0);
    const uint16_t second_port = free_port(AF_INET);
    const int second = port_socket_open(&at, second_port, true, 0);
    assert_true(second >= 0);
    struct sockaddr_in own;
    socklen_t len = sizeof own;
    assert_int_equal(getsockname(second, (struct sockaddr *)&own, &len), 0);
    assert_int_equal(ntohs(own.sin_port), second_port);
    assert_int_equal(own.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    assert_int_equal(ntohs(address->sin_port), port); // the configuration is as it was

    char said[512];
    log_divert(said, sizeof said);
    assert_int_equal(port_socket_open(&at, second_port, true, 0), -EADDRINUSE);
    log_divert(NULL, 0);
    assert_non_null(strstr(said, "(dataplane.nts_port) is taken"));
    log_divert(said, sizeof said);
    assert_int_equal(port_socket_open(&at, port, true, 0), -EADDRINUSE);
    log_divert(NULL, 0);
    assert_non_null(strstr(said, "127.0.0.1:? (dataplane.ports) is taken"));
    close(second);
    close(first);
}

// The supervisor may have had none to hand over.
static void only_a_udp_socket_is_a_guard(void **state)
{
    (void)state;
    const int stream = socket(AF_INET, SOCK_STREAM, 0);
    assert_false(guard_is(stream));
    assert_false(guard_is(STDOUT_FILENO));
    close(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_let_in_v4),
        cmocka_unit_test(requests_are_let_in_v6),
        cmocka_unit_test(nothing_is_let_in),
        cmocka_unit_test(the_filter_is_locked),
        cmocka_unit_test(only_a_udp_socket_is_a_guard),
        cmocka_unit_test(the_sockets_of_a_port_share_it),
        cmocka_unit_test(a_port_has_a_second_udp_port),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("supervisor/guard_socket", tests, NULL, NULL);
}
