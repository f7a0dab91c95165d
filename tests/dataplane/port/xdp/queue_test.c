// A queue whose kernel is this test: rings and buffers of ordinary memory, and its system calls
// swapped at the link. Each buffer is in one place at a time, whatever the kernel does.
#include "dataplane/port/xdp/queue.h"

#include "base/tsc.h"
#include "dataplane/port/xdp/steer.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

enum { HEADROOM = 32, AT = 256 + HEADROOM, MOST = 8192 }; // where a frame begins in its buffer

// What the kernel has of one ring.
struct half {
    uint32_t producer, consumer, flags;
    union {
        struct xdp_desc desc[SOCKET_RECEIVES];
        uint64_t address[SOCKET_RECEIVES];
    };
};

static struct {
    struct half rx, tx, fill, completion;
    uint8_t *umem;
    uint32_t headroom;

    unsigned budget; // frames of one sendto
    int refuses;     // what sendto fails with, once n_accepts frames have been taken
    unsigned n_accepts;
    bool holds;       // does not say that frames were sent
    unsigned n_calls; // of sendto
    unsigned n_wakes; // of recvfrom and poll

    unsigned n_sent;
    struct xdp_desc sent[MOST]; // in their order
} kernel;

static struct queue *queue;
static struct port *port;
static struct burst burst;

static struct ring ring_of(struct half *half, uint32_t n)
{
    return (struct ring){.shared_producer = &half->producer,
                         .shared_consumer = &half->consumer,
                         .flags = &half->flags,
                         .entry = half->desc,
                         .mask = n - 1};
}

int __wrap_socket_open(struct socket *socket, const struct socket_plan *plan);
int __wrap_socket_open(struct socket *socket, const struct socket_plan *plan)
{
    kernel.headroom = plan->headroom;
    *socket = (struct socket){
        .fd = -1,
        .zero_copy = plan->copying == SOCKET_ZERO_COPY,
        .metadata = plan->metadata,
        .umem = kernel.umem,
        .rx = ring_of(&kernel.rx, SOCKET_RECEIVES),
        .tx = ring_of(&kernel.tx, SOCKET_SENDS),
        .fill = ring_of(&kernel.fill, SOCKET_RECEIVES),
        .completion = ring_of(&kernel.completion, SOCKET_SENDS),
    };
    return 0;
}

void __wrap_socket_close(struct socket *socket);
void __wrap_socket_close(struct socket *socket)
{
    (void)socket;
}

ssize_t __wrap_sendto(int fd, const void *octets, size_t len, int flags, const void *name,
                      socklen_t name_len);
ssize_t __wrap_sendto(int fd, const void *octets, size_t len, int flags, const void *name,
                      socklen_t name_len)
{
    (void)fd, (void)octets, (void)name, (void)name_len;
    assert_int_equal(len, 0);
    assert_int_equal(flags, MSG_DONTWAIT);
    kernel.n_calls++;
    for (unsigned i = 0; kernel.tx.consumer != kernel.tx.producer; i++) {
        if (kernel.refuses != 0 && kernel.n_accepts == 0) {
            errno = kernel.refuses;
            return -1;
        }
        if (i == kernel.budget) {
            errno = EAGAIN;
            return -1;
        }
        kernel.n_accepts -= kernel.refuses != 0;
        const struct xdp_desc desc = kernel.tx.desc[kernel.tx.consumer++ % SOCKET_SENDS];
        assert_true(kernel.n_sent < MOST);
        kernel.sent[kernel.n_sent++] = desc;
        if (!kernel.holds)
            kernel.completion.address[kernel.completion.producer++ % SOCKET_SENDS] = desc.addr;
    }
    return 0;
}

ssize_t __wrap_recvfrom(int fd, void *octets, size_t len, int flags, void *name, socklen_t *n);
ssize_t __wrap_recvfrom(int fd, void *octets, size_t len, int flags, void *name, socklen_t *n)
{
    (void)fd, (void)octets, (void)len, (void)flags, (void)name, (void)n;
    kernel.n_wakes++;
    errno = EAGAIN;
    return -1;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    (void)fds, (void)n;
    assert_int_equal(timeout, 0); // never waits
    kernel.n_wakes++;
    return 0;
}

// What FORTIFY makes of it, with newer versions of clang.
int __wrap___poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t len);
int __wrap___poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t len)
{
    (void)len;
    return __wrap_poll(fds, n, timeout);
}

// Says of the frames that were held that they have left.
static void complete(void)
{
    kernel.holds = false;
    for (unsigned i = 0; i < kernel.n_sent; i++)
        kernel.completion.address[kernel.completion.producer++ % SOCKET_SENDS] =
            kernel.sent[i].addr;
}

// Receives n frames of len octets, each filled with its number; returns for how many there were
// buffers.
static unsigned receive(unsigned n, uint32_t len)
{
    unsigned i;
    for (i = 0; i < n && kernel.fill.consumer != kernel.fill.producer; i++) {
        const uint64_t buffer = kernel.fill.address[kernel.fill.consumer++ % SOCKET_RECEIVES];
        assert_int_equal(buffer % SOCKET_FRAME_LEN, 0);
        memset(kernel.umem + buffer + AT, (int)i, len < 1700 ? len : 1700);
        kernel.rx.desc[kernel.rx.producer++ % SOCKET_RECEIVES] =
            (struct xdp_desc){.addr = buffer + AT, .len = len};
    }
    return i;
}

static struct steer_stamp *stamp_of(unsigned i)
{
    const struct xdp_desc *desc = &kernel.rx.desc[(kernel.rx.consumer + i) % SOCKET_RECEIVES];
    return (struct steer_stamp *)(void *)(kernel.umem + desc->addr) - 1;
}

static void count(uint8_t *places, uint64_t offset)
{
    const uint64_t buffer = offset / SOCKET_FRAME_LEN;
    assert_true(buffer < SOCKET_FRAMES);
    assert_int_equal(places[buffer]++, 0);
}

// No burst is lent: each buffer is free, in a ring, or held by the kernel, and only there.
static void all_are_somewhere(void)
{
    uint8_t places[SOCKET_FRAMES] = {0};
    for (uint32_t i = 0; i < queue->buffers.n_free; i++)
        count(places, queue->buffers.free[i]);
    for (uint32_t i = kernel.fill.consumer; i != kernel.fill.producer; i++)
        count(places, kernel.fill.address[i % SOCKET_RECEIVES]);
    for (uint32_t i = kernel.rx.consumer; i != kernel.rx.producer; i++)
        count(places, kernel.rx.desc[i % SOCKET_RECEIVES].addr);
    for (uint32_t i = kernel.tx.consumer; i != kernel.tx.producer; i++)
        count(places, kernel.tx.desc[i % SOCKET_SENDS].addr);
    for (uint32_t i = kernel.completion.consumer; i != kernel.completion.producer; i++)
        count(places, kernel.completion.address[i % SOCKET_SENDS]);
    for (unsigned i = 0; kernel.holds && i < kernel.n_sent; i++)
        count(places, kernel.sent[i].addr);
    for (unsigned i = 0; i < SOCKET_FRAMES; i++)
        assert_int_equal(places[i], 1);
}

static int open_as(enum socket_copying copying)
{
    uint8_t *umem = kernel.umem;
    memset(&kernel, 0, sizeof kernel);
    kernel.umem = umem ? umem : aligned_alloc(4096, (size_t)SOCKET_FRAMES * SOCKET_FRAME_LEN);
    memset(kernel.umem, 0, (size_t)SOCKET_FRAMES * SOCKET_FRAME_LEN);
    kernel.budget = 32;
    burst = (struct burst){.together = LANES};
    if (queue_open(&(struct socket_plan){.ifindex = 1, .copying = copying}, &queue) != 0)
        return -1;
    port = &queue->port;
    return 0;
}

static int open_copy(void **state)
{
    (void)state;
    return open_as(SOCKET_COPY);
}

static int open_zero_copy(void **state)
{
    (void)state;
    return open_as(SOCKET_ZERO_COPY);
}

static int close_queue(void **state)
{
    (void)state;
    queue_close(queue);
    return 0;
}

static void answer_all(uint16_t len)
{
    for (unsigned i = 0; i < LANES; i++)
        burst.reply_len[i] = len;
}

static void the_kernel_gets_buffers_at_once(void **state)
{
    (void)state;
    assert_int_equal(kernel.fill.producer, SOCKET_RECEIVES);
    assert_int_equal(kernel.headroom, HEADROOM);
    all_are_somewhere();
}

static void a_reply_is_written_in_a_second_buffer(void **state)
{
    (void)state;
    assert_int_equal(receive(3, 90), 3);
    lane_set all = port_rx(port, &burst);
    assert_int_equal(all, lane_first(3));
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(burst.len[i], 90);
        assert_int_equal(burst.frame[i][89], i);
        assert_ptr_not_equal(burst.frame[i], burst.reply[i]);
        assert_int_equal((uintptr_t)burst.frame[i] % 64, (uintptr_t)burst.reply[i] % 64);
        memset(burst.reply[i], (int)(0x40 + i), 60);
        burst.reply_len[i] = 60;
    }
    // Lane 1 is dropped, the others are answered.
    assert_int_equal(port_tx(port, &burst, all & ~lane_bit(1)), all & ~lane_bit(1));
    port_drop(port, &burst, lane_bit(1));
    assert_int_equal(kernel.n_sent, 2);
    assert_int_equal(kernel.n_calls, 1);
    assert_int_equal(kernel.sent[0].len, 60);
    assert_int_equal(kernel.umem[kernel.sent[0].addr + 59], 0x40);
    assert_int_equal(kernel.umem[kernel.sent[1].addr + 59], 0x42);
    all_are_somewhere();
}

// F30: only a burst of few frames shows that no older ones wait.
static void a_short_burst_has_drained_the_port(void **state)
{
    (void)state;
    static const unsigned waiting[] = {0, 1, BURST_DRAINED - 1, BURST_DRAINED, LANES};
    for (unsigned i = 0; i < sizeof waiting / sizeof *waiting; i++) {
        assert_int_equal(receive(waiting[i], 90), waiting[i]);
        lane_set all = port_rx(port, &burst);
        assert_int_equal(all, lane_first(waiting[i]));
        assert_true(burst.drained == (waiting[i] < BURST_DRAINED));
        port_drop(port, &burst, all);
    }
    assert_int_equal(receive(LANES + 3, 90), LANES + 3);
    assert_int_equal(port_rx(port, &burst), lane_first(LANES));
    port_drop(port, &burst, lane_first(LANES));
    assert_int_equal(port_rx(port, &burst), lane_first(3));
    port_drop(port, &burst, lane_first(3));
    all_are_somewhere();
}

// RSP-13: the stamps that frames bear are lent. One that a buffer held from an earlier frame is not
// taken for the next one's.
static void stamps_are_lent(void **state)
{
    (void)state;
    for (unsigned turn = 0; turn < 2 * SOCKET_FRAMES / 4; turn++) {
        const bool stamps = turn % 2 == 0;
        assert_int_equal(receive(4, 90), 4);
        for (unsigned i = 1; stamps && i < 4; i += 2)
            *stamp_of(i) = (struct steer_stamp){0, 1000 * turn + i, STEER_STAMP_MAGIC};
        assert_int_equal(port_rx(port, &burst), lane_first(4));
        assert_int_equal(burst.stamped, stamps ? 0xa : 0);
        for (unsigned i = 1; stamps && i < 4; i += 2)
            assert_int_equal(burst.stamp[i], 1000 * turn + i);
        port_drop(port, &burst, lane_first(4));
    }
    assert_int_equal(atomic_load(&port->stamped), SOCKET_FRAMES / 2);
    assert_int_equal(atomic_load(&port->unstamped), 3 * SOCKET_FRAMES / 2);
    assert_int_equal(port_rx(port, &burst), 0);
    assert_int_equal(burst.stamped, 0);
}

// RSP-13: the device's own stamps are lent beside the kernel's, where its clock is read.
static void own_stamps_are_lent(void **state)
{
    (void)state;
    for (unsigned turn = 0; turn < 4; turn++) {
        port->clock = turn > 0;
        assert_int_equal(receive(4, 90), 4);
        *stamp_of(0) = (struct steer_stamp){7000 + turn, 9000, STEER_STAMP_MAGIC};
        *stamp_of(1) = (struct steer_stamp){0, 9001, STEER_STAMP_MAGIC};
        *stamp_of(2) = (struct steer_stamp){7002, 9002, 0}; // of an earlier frame
        assert_int_equal(port_rx(port, &burst), lane_first(4));
        assert_int_equal(burst.stamped, 3);
        assert_int_equal(burst.hardware, turn > 0);
        if (turn > 0)
            assert_int_equal(burst.own[0], 7000 + turn);
        port_drop(port, &burst, lane_first(4));
    }
    assert_int_equal(atomic_load(&port->hardware), 3);
}

// RSP-12, RSP-14: no reply is handed to the kernel before its time, alone or with others, and the
// order is the lanes'.
static void replies_wait_for_their_time(void **state)
{
    (void)state;
    enum { REPLIES = 6, PACE = 100000 };
    static const uint16_t together[] = {1, 2, REPLIES};
    for (unsigned t = 0; t < sizeof together / sizeof *together; t++) {
        kernel.n_sent = kernel.n_calls = 0;
        assert_int_equal(receive(REPLIES, 90), REPLIES);
        lane_set all = port_rx(port, &burst);
        for (unsigned i = 0; i < REPLIES; i++) {
            burst.reply_len[i] = 60;
            burst.reply[i][0] = (uint8_t)(0x50 + i);
        }
        burst.together = together[t];
        burst.not_before = tsc_now() + PACE;
        burst.pace = PACE;
        assert_int_equal(port_tx(port, &burst, all), all);
        const unsigned calls = (REPLIES + together[t] - 1) / together[t];
        assert_int_equal(kernel.n_calls, calls);
        const unsigned last = (calls - 1) * together[t]; // the first frame of the last call
        assert_true(burst.tx_last >= burst.not_before + last * PACE);
        assert_true(burst.tx_ready < burst.tx_ended && burst.tx_ended >= burst.tx_last);
        assert_in_range(burst.tx_busy, 1, burst.tx_ended - burst.not_before);
        for (unsigned i = 0; i < REPLIES; i++)
            assert_int_equal(kernel.umem[kernel.sent[i].addr], 0x50 + i);
    }
    all_are_somewhere();
}

static void a_frame_that_is_too_long_is_told_so(void **state)
{
    (void)state;
    static const uint32_t len[] = {FRAME_MAX, FRAME_MAX + 1, 70000};
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(receive(1, len[i]), 1);
    lane_set all = port_rx(port, &burst);
    assert_int_equal(all, lane_first(3));
    assert_int_equal(burst.len[0], FRAME_MAX);
    assert_int_equal(burst.len[1], FRAME_MAX + 1);
    assert_true(burst.len[2] > FRAME_MAX);
    port_drop(port, &burst, all);
    all_are_somewhere();
}

// A kernel without XDP_MAX_TX_SKB_BUDGET sends 32 frames a call.
static void a_burst_takes_several_calls(void **state)
{
    (void)state;
    receive(LANES, 90);
    lane_set all = port_rx(port, &burst);
    answer_all(60);
    assert_int_equal(port_tx(port, &burst, all), all);
    assert_int_equal(kernel.n_sent, LANES);
    assert_int_equal(kernel.n_calls, 2);
    all_are_somewhere();
}

// A frame that the kernel has not taken would leave later, when its timestamp is no longer true. So
// it is taken back, and counts as not sent.
static void refused_replies_are_taken_back(void **state)
{
    (void)state;
    static const int error[] = {EAGAIN, ENETDOWN, ENOBUFS};
    for (unsigned e = 0; e < 3; e++) {
        receive(LANES, 90);
        lane_set all = port_rx(port, &burst);
        answer_all(60);
        kernel.n_sent = kernel.n_calls = 0;
        kernel.refuses = error[e];
        kernel.n_accepts = 40;
        assert_int_equal(port_tx(port, &burst, all), lane_first(40));
        assert_int_equal(kernel.n_sent, 40);
        assert_int_equal(kernel.tx.producer, kernel.tx.consumer);
        assert_true(kernel.n_calls <= 4);
        port_drop(port, &burst, all & ~lane_first(40));
        all_are_somewhere();

        kernel.refuses = 0; // and later nothing old leaves
        receive(1, 90);
        assert_int_equal(port_rx(port, &burst), 1);
        assert_int_equal(port_tx(port, &burst, 1), 1);
        assert_int_equal(kernel.n_sent, 41);
        all_are_somewhere();
    }
}

// F10: a kernel that does not send holds as many buffers as its ring has room for. Requests are
// still received, without a reply; all works again after.
static void replies_never_take_the_buffers_of_requests(void **state)
{
    (void)state;
    kernel.holds = true;
    answer_all(60);
    for (unsigned i = 0; i < 3 * SOCKET_FRAMES; i += LANES) {
        assert_int_equal(receive(LANES, 90), LANES);
        lane_set all = port_rx(port, &burst);
        assert_int_equal(all, lane_first(LANES));
        lane_set sent = port_tx(port, &burst, all);
        assert_int_equal(sent, i < SOCKET_SENDS ? all : 0);
        port_drop(port, &burst, all & ~sent);
        all_are_somewhere();
    }
    assert_int_equal(kernel.n_sent, SOCKET_SENDS);
    complete();
    kernel.n_sent = 0;
    assert_int_equal(port_rx(port, &burst), 0);
    assert_int_equal(receive(SOCKET_RECEIVES, 90), SOCKET_RECEIVES);
    for (unsigned i = 0; i < SOCKET_RECEIVES; i += LANES) {
        assert_int_equal(port_rx(port, &burst), lane_first(LANES));
        assert_int_equal(port_tx(port, &burst, lane_first(LANES)), lane_first(LANES));
    }
    all_are_somewhere();
}

static void an_empty_poll_of_copies_calls_nobody(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(port_rx(port, &burst), 0);
    assert_int_equal(kernel.n_wakes + kernel.n_calls, 0);
    kernel.fill.flags = XDP_RING_NEED_WAKEUP;
    assert_int_equal(port_rx(port, &burst), 0);
    assert_int_equal(kernel.n_wakes, 1);
}

// The driver reads the ring itself, at once or when it is woken.
static void a_driver_is_woken_when_it_sleeps(void **state)
{
    (void)state;
    answer_all(60);
    for (unsigned i = 0; i < 2; i++) {
        receive(2, 90);
        lane_set all = port_rx(port, &burst);
        assert_int_equal(all, lane_first(2));
        kernel.tx.flags = i == 0 ? 0 : XDP_RING_NEED_WAKEUP;
        assert_int_equal(port_tx(port, &burst, all), all);
        assert_int_equal(kernel.n_calls, i);
    }
    assert_int_equal(kernel.n_sent, 4);
    kernel.tx.flags = 0;
    queue->buffers.socket.busy_poll = true;
    assert_int_equal(port_rx(port, &burst), 0);
    assert_int_equal(kernel.n_wakes, 1);
    all_are_somewhere();
}

// F11, and 2020-15025's kin: whatever is answered and whatever the kernel refuses, no buffer is
// lost.
static void nothing_leaks(void **state)
{
    (void)state;
    uint64_t seed = 1;
    answer_all(60);
    for (int round = 0; round < 20000; round++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        kernel.n_sent = 0;
        kernel.refuses = seed >> 63 ? ENOBUFS : 0;
        kernel.n_accepts = (unsigned)(seed >> 40) % 16;
        burst.together = (uint16_t)(1 + (seed >> 50) % LANES);
        receive((unsigned)(seed >> 57), 90);
        lane_set all = port_rx(port, &burst);
        lane_set sent = port_tx(port, &burst, all & seed);
        port_drop(port, &burst, all & ~sent);
    }
    all_are_somewhere();
    assert_int_equal(kernel.fill.producer - kernel.fill.consumer + kernel.rx.producer -
                         kernel.rx.consumer + queue->buffers.owed,
                     SOCKET_RECEIVES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_kernel_gets_buffers_at_once, open_copy, close_queue),
        cmocka_unit_test_setup_teardown(a_reply_is_written_in_a_second_buffer, open_copy,
                                        close_queue),
        cmocka_unit_test_setup_teardown(a_short_burst_has_drained_the_port, open_copy, close_queue),
        cmocka_unit_test_setup_teardown(stamps_are_lent, open_copy, close_queue),
        cmocka_unit_test_setup_teardown(own_stamps_are_lent, open_copy, close_queue),
        cmocka_unit_test_setup_teardown(replies_wait_for_their_time, open_copy, close_queue),
        cmocka_unit_test_setup_teardown(a_frame_that_is_too_long_is_told_so, open_copy,
                                        close_queue),
        cmocka_unit_test_setup_teardown(a_burst_takes_several_calls, open_copy, close_queue),
        cmocka_unit_test_setup_teardown(refused_replies_are_taken_back, open_copy, close_queue),
        cmocka_unit_test_setup_teardown(replies_never_take_the_buffers_of_requests, open_copy,
                                        close_queue),
        cmocka_unit_test_setup_teardown(an_empty_poll_of_copies_calls_nobody, open_copy,
                                        close_queue),
        cmocka_unit_test_setup_teardown(a_driver_is_woken_when_it_sleeps, open_zero_copy,
                                        close_queue),
        cmocka_unit_test_setup_teardown(nothing_leaks, open_copy, close_queue),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("xdp/queue", tests, NULL, NULL);
}
