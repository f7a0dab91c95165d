// A UDP socket as a port, over the kernel's loopback: the frames that it lends, where replies come
// from, what it does with old requests. The file under test is a part of this one, so that a
// datagram's sender can be changed.
#include "dataplane/port/socket/udp_queue.c"

#include "base/tsc.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAYLOAD = 48, LONGEST = 2000 };
enum { TRIES = 10000 }; // of a millisecond

static int family;
static int server, client;
static uint16_t udp_port;
static struct wall_offset offset;
static _Atomic uint64_t stale;
static struct udp_queue *queue;
static struct port *port;
static struct burst burst;

static void set_on(int fd, int level, int option)
{
    const int on = 1;
    assert_int_equal(setsockopt(fd, level, option, &on, sizeof on), 0);
}

static socklen_t len_of(void)
{
    return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static int open_queue(int of_family)
{
    union peer own = {.any.sa_family = (sa_family_t)of_family};
    socklen_t len = sizeof own;
    family = of_family;
    server = socket(family, SOCK_DGRAM, 0);
    client = socket(family, SOCK_DGRAM, 0);
    assert_true(server >= 0 && client >= 0);
    set_on(server, SOL_SOCKET, SO_TIMESTAMPNS);
    set_on(server, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
           family == AF_INET ? IP_PKTINFO : IPV6_RECVPKTINFO);
    assert_int_equal(bind(server, &own.any, len_of()), 0);
    assert_int_equal(getsockname(server, &own.any, &len), 0);
    udp_port = ntohs(family == AF_INET ? own.v4.sin_port : own.v6.sin6_port);
    offset = (struct wall_offset){0};
    stale = 0;
    memset(&burst, 0, sizeof burst);
    const struct udp_queue_setup setup = {.fd = server, .offset = &offset, .stale = &stale};
    assert_int_equal(udp_queue_open(&setup, &queue), 0);
    port = udp_queue_port(queue);
    assert_int_equal(port->descriptor, server);
    return 0;
}

static int open_v4(void **state)
{
    (void)state;
    return open_queue(AF_INET);
}

static int open_v6(void **state)
{
    (void)state;
    return open_queue(AF_INET6);
}

static int close_queue(void **state)
{
    (void)state;
    udp_queue_close(queue);
    close(server);
    close(client);
    return 0;
}

// Another address than the first one of loopback.
static union peer asked_address(void)
{
    union peer to = {.any.sa_family = (sa_family_t)family};
    if (family == AF_INET) {
        to.v4.sin_port = htons(udp_port);
        to.v4.sin_addr.s_addr = inet_addr("127.0.0.5");
    } else {
        to.v6.sin6_port = htons(udp_port);
        to.v6.sin6_addr = in6addr_loopback;
    }
    return to;
}

// Octets that wait in the server's socket, as the kernel counts them.
static uint32_t waiting(void)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof info;
    assert_int_equal(getsockopt(server, SOL_SOCKET, SO_MEMINFO, info, &len), 0);
    return info[SK_MEMINFO_RMEM_ALLOC];
}

// The request's first octet is its number. Until it is in the socket: a busy kernel puts off what
// comes.
static void ask(uint8_t number, size_t len)
{
    const union peer to = asked_address();
    uint8_t octets[LONGEST];
    memset(octets, 0x5a, sizeof octets);
    octets[0] = number;
    const uint32_t before = waiting();
    assert_int_equal(sendto(client, octets, len, 0, &to.any, len_of()), len);
    for (unsigned i = 0; waiting() <= before; i++) {
        assert_true(i < TRIES);
        usleep(1000);
    }
}

static lane_set receive(void)
{
    return port->calls->rx(port, &burst);
}

// Replies that are the requests' payloads, behind headers that nobody reads.
static lane_set reply(lane_set lanes)
{
    for (lane_set rest = lanes; rest != 0;) {
        const unsigned lane = lane_take(&rest);
        burst.reply_len[lane] = burst.len[lane];
        memset(burst.reply[lane], 0xee, queue->headers_len);
        memcpy(burst.reply[lane] + queue->headers_len, burst.frame[lane] + queue->headers_len,
               (size_t)(burst.len[lane] - queue->headers_len));
    }
    burst.together = 2;
    return port->calls->tx(port, &burst, lanes);
}

static void no_reply_comes(void)
{
    uint8_t octet;
    assert_int_equal(recv(client, &octet, sizeof octet, MSG_DONTWAIT), -1);
}

// The number of the next reply, which must come from the address that was asked.
static int take_reply(void)
{
    struct pollfd wait = {.fd = client, .events = POLLIN};
    assert_int_equal(poll(&wait, 1, TRIES), 1);
    const union peer asked = asked_address();
    union peer from = {0};
    socklen_t len = sizeof from;
    uint8_t octets[LONGEST];
    const ssize_t n = recvfrom(client, octets, sizeof octets, MSG_DONTWAIT, &from.any, &len);
    assert_int_equal(n, PAYLOAD);
    assert_int_equal(octets[1], 0x5a);
    assert_int_equal(len, len_of());
    if (family == AF_INET)
        assert_memory_equal(&from.v4.sin_addr, &asked.v4.sin_addr, 4);
    else
        assert_memory_equal(&from.v6.sin6_addr, &asked.v6.sin6_addr, 16);
    return octets[0];
}

// What the stages need of a frame, and when it came.
static void a_datagram_is_a_sound_frame(void **state)
{
    (void)state;
    union peer own;
    socklen_t len = sizeof own;
    const uint64_t before = now_ns();
    ask(7, PAYLOAD);
    const uint64_t after = now_ns();
    assert_int_equal(receive(), 1);
    assert_true(burst.drained && burst.from_kernel);

    struct datagram d;
    assert_int_equal(frame_open(burst.frame[0], burst.len[0], &d), FRAME_GOOD);
    assert_true(frame_checksums_hold(burst.frame[0], &d));
    assert_false(frame_is_group(burst.frame[0], &d));
    assert_int_equal(d.ip_version, family == AF_INET ? 4 : 6);
    assert_int_equal(d.destination_port, udp_port);
    assert_int_equal(d.payload_len, PAYLOAD);
    assert_int_equal(burst.frame[0][d.payload_at], 7);
    assert_int_equal(getsockname(client, &own.any, &len), 0);
    assert_int_equal(d.source_port, ntohs(own.v4.sin_port)); // at the same place in both
    const union peer asked = asked_address();
    const void *address =
        family == AF_INET ? (const void *)&asked.v4.sin_addr : &asked.v6.sin6_addr;
    assert_memory_equal(frame_destination(burst.frame[0], &d), address, family == AF_INET ? 4 : 16);

    // The stamp may be later by the width of a reading of the clocks, and never earlier.
    assert_int_equal(burst.stamped, 1);
    assert_true(burst.stamp[0] >= before);
    assert_true(burst.stamp[0] <= after + (uint64_t)(offset.most_ns - offset.least_ns));
    assert_int_equal(receive(), 0);
}

static void replies_come_from_the_address_that_was_asked(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 5; i++)
        ask(i, PAYLOAD);
    assert_int_equal(receive(), lane_first(5));
    assert_int_equal(reply(0x16), 0x16); // 1, 2, 4
    assert_true(burst.tx_ended >= burst.tx_last && burst.tx_last >= burst.tx_ready);
    for (int i = 1; i <= 4; i++)
        if (i != 3)
            assert_int_equal(take_reply(), i);
    no_reply_comes();
}

// One client that the kernel refuses costs the others nothing.
static void a_refused_reply_holds_up_none(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 5; i++)
        ask(i, PAYLOAD);
    assert_int_equal(receive(), lane_first(5));
    static const unsigned refused[] = {0, 2, 4};
    for (unsigned i = 0; i < 3; i++) // to everybody: the socket may not
        queue->slot[queue->slot_of[refused[i]]].peer.v4.sin_addr.s_addr = INADDR_BROADCAST;
    assert_int_equal(reply(0x1f), 0x0a);
    assert_int_equal(take_reply(), 1);
    assert_int_equal(take_reply(), 3);
    no_reply_comes();
}

// A datagram that fills its buffer is no frame that anybody reads.
static void too_long_is_oversize(void **state)
{
    (void)state;
    ask(1, FRAME_MAX - queue->headers_len);
    ask(2, FRAME_MAX - queue->headers_len + 1);
    ask(3, LONGEST);
    assert_int_equal(receive(), lane_first(3));
    assert_int_equal(burst.len[0], FRAME_MAX);
    assert_true(burst.len[1] > FRAME_MAX && burst.len[2] > FRAME_MAX);
}

// The stamp of a request from before a step of the clock cannot be converted: the request counts as
// arrived now. One that is read more than 10 ms after its stamp is dropped, so the test asks again.
static void no_stamp_is_believed_over_a_step(void **state)
{
    (void)state;
    lane_set got = 0;
    for (unsigned tries = 0; got == 0 && tries < 1000; tries++) {
        ask(1, PAYLOAD);
        offset.least_ns -= NS_PER_S; // what was known before the step
        offset.most_ns -= NS_PER_S;
        got = receive();
        assert_int_equal(burst.stamped, 0);
        assert_int_equal(stale, got == 0 ? tries + 1 : tries);
    }
    assert_int_equal(got, 1);
    ask(2, PAYLOAD);
    assert_int_equal(receive(), 1);
    assert_int_equal(burst.stamped, 1);
}

// F19: nobody waits for the answer any more. Those behind it are the first lanes.
static void old_requests_are_dropped(void **state)
{
    (void)state;
    ask(1, PAYLOAD);
    ask(2, PAYLOAD);
    usleep((UDP_QUEUE_WAIT_MS + 50) * 1000);
    ask(3, PAYLOAD);
    assert_int_equal(receive(), 1);
    assert_int_equal(stale, 2);
    assert_int_equal(burst.frame[0][queue->headers_len], 3);
    assert_int_equal(reply(1), 1);
    assert_int_equal(take_reply(), 3);
}

// More than a burst: the rest stays in the socket.
static void a_burst_has_64_at_most(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LANES + 3; i++)
        ask((uint8_t)i, PAYLOAD);
    assert_int_equal(receive(), ~(lane_set)0);
    assert_false(burst.drained);
    assert_int_equal(receive(), lane_first(3));
    assert_true(burst.drained);
    assert_int_equal(burst.frame[2][queue->headers_len], LANES + 2);
}

// When a socket asks for stamps, the kernel may begin a while later to stamp what arrives; until
// then it stamps what is read. A socket that goes on asking keeps it stamping.
static bool arrivals_are_stamped(int fd)
{
    struct timespec now, stamp = {0};
    _Alignas(struct cmsghdr) uint8_t room[CMSG_SPACE(sizeof stamp)];
    struct msghdr message = {.msg_control = room, .msg_controllen = sizeof room};
    assert_int_equal(send(fd, "", 0, 0), 0);
    assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, TRIES), 1);
    usleep(1000);
    clock_gettime(CLOCK_REALTIME, &now);
    assert_int_equal(recvmsg(fd, &message, 0), 0);
    const struct cmsghdr *control = CMSG_FIRSTHDR(&message);
    assert_true(control && control->cmsg_type == SCM_TIMESTAMPNS);
    memcpy(&stamp, CMSG_DATA(control), sizeof stamp);
    return stamp.tv_sec < now.tv_sec || (stamp.tv_sec == now.tv_sec && stamp.tv_nsec < now.tv_nsec);
}

static int let_arrivals_be_stamped(void **state)
{
    (void)state;
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof own;
    const int fd = socket(AF_INET, SOCK_DGRAM, 0); // open until the program ends
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&own, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &len), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&own, len), 0);
    set_on(fd, SOL_SOCKET, SO_TIMESTAMPNS);
    for (unsigned i = 0; !arrivals_are_stamped(fd); i++)
        assert_true(i < TRIES);
    return 0;
}

#define BOTH(test)                                                                                 \
    cmocka_unit_test_setup_teardown(test, open_v4, close_queue),                                   \
        cmocka_unit_test_setup_teardown(test, open_v6, close_queue)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_datagram_is_a_sound_frame),
        BOTH(replies_come_from_the_address_that_was_asked),
        cmocka_unit_test_setup_teardown(a_refused_reply_holds_up_none, open_v4, close_queue),
        BOTH(too_long_is_oversize),
        cmocka_unit_test_setup_teardown(no_stamp_is_believed_over_a_step, open_v4, close_queue),
        cmocka_unit_test_setup_teardown(old_requests_are_dropped, open_v4, close_queue),
        BOTH(a_burst_has_64_at_most),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("dataplane/port/socket/udp_queue", tests,
                                       let_arrivals_be_stamped, NULL);
}
