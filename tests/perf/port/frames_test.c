// The tester's port over a DPDK device whose send queue is its own receive queue (net_ring): what
// is lent is sent or lent anew, what comes goes back, nothing leaks.
#include "dataplane/port/eal/pool.h"
#include "perf/port/tester_port.h"

#include <rte_config.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct tester_port *port;
static struct frames_queue *queue;
static struct frames out, in;

static unsigned in_use(void)
{
    return rte_mempool_in_use_count(queue->pool);
}

static int open_ring(void **state)
{
    (void)state;
    cpu_set_t allowed;
    uint32_t cpu = 0, n;
    sched_getaffinity(0, sizeof allowed, &allowed);
    while (!CPU_ISSET(cpu, &allowed))
        cpu++;
    if (tester_port_open("net_ring0", false, cpu, &port) != 0)
        return -1;
    queue = tester_port_queues(port, &n);
    return n == 1 ? 0 : -1;
}

static int close_ring(void **state)
{
    (void)state;
    tester_port_close(port);
    return 0;
}

static unsigned drain(void)
{
    unsigned all = 0;
    for (unsigned n = frames_receive(queue, &in); n > 0; n = frames_receive(queue, &in)) {
        frames_release(queue, n);
        all += n;
    }
    return all;
}

static unsigned write_frames(unsigned n, uint16_t len)
{
    n = frames_lend(queue, &out, n);
    for (unsigned i = 0; i < n; i++) {
        memset(out.frame[i], (int)i, len);
        out.len[i] = len;
    }
    return n;
}

static void test_sent_and_received(void **state)
{
    (void)state;
    drain();
    unsigned before = in_use();
    assert_int_equal(write_frames(5, 90), 5);
    assert_int_equal(frames_send(queue, &out, 0, 0), 0);
    assert_int_equal(frames_send(queue, &out, 0, 5), 5);
    assert_int_equal(frames_receive(queue, &in), 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(in.len[i], 90);
        assert_int_equal(in.frame[i][0], i);
        assert_int_equal(in.frame[i][89], i);
    }
    frames_release(queue, 5);
    assert_int_equal(in_use(), before);
}

// Room for FRAME_MAX octets each; longer frames and those in pieces are told as empty.
static void test_lengths(void **state)
{
    (void)state;
    drain();
    assert_int_equal(write_frames(2, FRAME_MAX), 2);
    out.len[1] = FRAME_MAX + 1;
    assert_int_equal(frames_send(queue, &out, 0, 2), 2);
    struct rte_mbuf *pieces = rte_pktmbuf_alloc(queue->pool);
    rte_pktmbuf_append(pieces, 40);
    struct rte_mbuf *more = rte_pktmbuf_alloc(queue->pool);
    rte_pktmbuf_append(more, 40);
    rte_pktmbuf_chain(pieces, more);
    assert_int_equal(rte_eth_tx_burst(queue->device, 0, &pieces, 1), 1);
    assert_int_equal(frames_receive(queue, &in), 3);
    assert_int_equal(in.len[0], FRAME_MAX);
    assert_int_equal(in.len[1], 0);
    assert_int_equal(in.len[2], 0);
    frames_release(queue, 3);
}

// A burst that goes in parts, and one that never goes: its frames are lent anew with their room.
static void test_in_parts(void **state)
{
    (void)state;
    drain();
    unsigned before = in_use();
    assert_int_equal(write_frames(LANES, 60), LANES);
    assert_int_equal(frames_send(queue, &out, 0, 10), 10);
    assert_int_equal(frames_send(queue, &out, 10, 20), 20);
    uint8_t *lent = out.frame[30];
    assert_int_equal(write_frames(LANES, 61), LANES);
    assert_ptr_equal(out.frame[30], lent);
    assert_int_equal(frames_send(queue, &out, 0, LANES), LANES);
    assert_int_equal(drain(), LANES + 30);
    assert_int_equal(in_use(), before);
}

// The queue is full: what it did not take stays lent.
static void test_queue_full(void **state)
{
    (void)state;
    drain();
    unsigned before = in_use();
    unsigned all = 0, sent;
    do {
        assert_int_equal(write_frames(LANES, 60), LANES);
        all += sent = frames_send(queue, &out, 0, LANES);
    } while (sent == LANES);
    assert_false(frames_send_copy(queue, out.frame[LANES - 1], 60));
    assert_int_equal(drain(), all);
    assert_int_equal(frames_send(queue, &out, sent, LANES - sent), LANES - sent);
    assert_int_equal(drain(), LANES - sent);
    assert_int_equal(in_use(), before);
}

static void test_no_buffers(void **state)
{
    (void)state;
    static struct rte_mbuf *held[POOL_BUFFERS + 1]; // the last one is the refusal
    drain();
    unsigned before = in_use();
    unsigned n = 0;
    while ((held[n] = rte_pktmbuf_alloc(queue->pool)) != NULL)
        n++;
    assert_int_equal(write_frames(LANES, 60), 0);
    uint8_t frame[60] = {0};
    assert_false(frames_send_copy(queue, frame, sizeof frame));
    rte_pktmbuf_free_bulk(held + n - 7, 7);
    assert_int_equal(write_frames(LANES, 60), 7);
    assert_int_equal(frames_send(queue, &out, 0, 7), 7);
    rte_pktmbuf_free_bulk(held, n - 7);
    assert_int_equal(drain(), 7);
    assert_int_equal(in_use(), before);
}

// Beside a burst that is lent.
static void test_send_copy(void **state)
{
    (void)state;
    drain();
    uint8_t frame[60];
    memset(frame, 0x5a, sizeof frame);
    assert_int_equal(write_frames(3, 70), 3);
    assert_true(frames_send_copy(queue, frame, sizeof frame));
    assert_int_equal(frames_send(queue, &out, 0, 3), 3);
    assert_int_equal(frames_receive(queue, &in), 4);
    assert_int_equal(in.len[0], 60);
    assert_memory_equal(in.frame[0], frame, sizeof frame);
    assert_int_equal(in.len[3], 70);
    frames_release(queue, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sent_and_received), cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_in_parts),          cmocka_unit_test(test_queue_full),
        cmocka_unit_test(test_no_buffers),        cmocka_unit_test(test_send_copy),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("frames", tests, open_ring, close_ring);
}
