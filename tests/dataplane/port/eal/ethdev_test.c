// The port over a real DPDK device whose send queue is its own receive queue (net_ring): each lent
// buffer comes back exactly once. One process without privileges, with 4 KiB pages.
#include "base/log.h"
#include "base/tsc.h"
#include "config/config.h"
#include "dataplane/port/eal/dpdk_clock.h"
#include "dataplane/port/eal/ethdev.h"
#include "dataplane/port/eal/pool.h"
#include "dataplane/port/ports.h"

#include <rte_config.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_mempool.h>

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct config config;
static struct ports *ports;
static struct port *port;
static struct ethdev *ethdev; // the same
static struct burst burst = {.together = LANES};

static struct board_dataplane board; // of a first start

static unsigned in_use(void)
{
    return rte_mempool_in_use_count(ethdev->pool);
}

static int open_ring(void **state)
{
    (void)state;
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof allowed, &allowed);
    config.dataplane.n_cores = 1;
    while (!CPU_ISSET(config.dataplane.cores[0], &allowed))
        config.dataplane.cores[0]++;
    config.dataplane.n_ports = 1;
    config.dataplane.ports[0] = (struct config_port){.kind = PORT_VDEV, .device = "net_ring0"};
    struct port *const *queue;
    if (ports_open(&config, -1, NULL, &board, &ports) != 0 || ports_of_core(ports, 0, &queue) != 1)
        return -1;
    port = queue[0];
    ethdev = (struct ethdev *)port;
    return 0;
}

static int close_ring(void **state)
{
    (void)state;
    ports_close(ports);
    ports_end();
    return 0;
}

// Puts n frames of len octets, of that many segments, into the ring; those that it takes.
static unsigned inject(unsigned n, uint16_t len, unsigned segments)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < n; i++) {
        struct rte_mbuf *frame = rte_pktmbuf_alloc(ethdev->pool);
        if (!frame)
            break;
        memset(rte_pktmbuf_append(frame, len), (int)(i & 0xff), len);
        for (unsigned s = 1; s < segments; s++) {
            struct rte_mbuf *more = rte_pktmbuf_alloc(ethdev->pool);
            rte_pktmbuf_append(more, len);
            rte_pktmbuf_chain(frame, more);
        }
        if (rte_eth_tx_burst(ethdev->device, ethdev->queue, &frame, 1) == 1)
            taken++;
        else
            rte_pktmbuf_free(frame);
    }
    return taken;
}

static void drain(void)
{
    for (lane_set all = port_rx(port, &burst); all != 0; all = port_rx(port, &burst))
        port_drop(port, &burst, all);
}

static void test_reply_in_second_buffer(void **state)
{
    (void)state;
    drain();
    unsigned before = in_use();
    assert_int_equal(inject(3, 90, 1), 3);
    lane_set all = port_rx(port, &burst);
    assert_int_equal(all, lane_first(3));
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(burst.len[i], 90);
        assert_int_equal(burst.frame[i][0], i);
        assert_ptr_not_equal(burst.frame[i], burst.reply[i]);
        // Aligned like the frame.
        assert_int_equal((uintptr_t)burst.frame[i] % 64, (uintptr_t)burst.reply[i] % 64);
        memset(burst.reply[i], (int)(0x40 + i), 60);
        burst.reply_len[i] = 60;
    }
    // Lane 1 is dropped, the others are answered.
    assert_int_equal(port_tx(port, &burst, all & ~lane_bit(1)), all & ~lane_bit(1));
    port_drop(port, &burst, lane_bit(1));

    all = port_rx(port, &burst);
    assert_int_equal(all, lane_first(2));
    assert_int_equal(burst.len[0], 60);
    assert_int_equal(burst.frame[0][59], 0x40);
    assert_int_equal(burst.frame[1][59], 0x42);
    port_drop(port, &burst, all);
    assert_int_equal(in_use(), before);
}

// F30: only a burst of few frames shows that no older ones wait.
static void test_drained(void **state)
{
    (void)state;
    static const unsigned waiting[] = {0, 1, BURST_DRAINED - 1, BURST_DRAINED, LANES};
    drain();
    for (unsigned i = 0; i < sizeof waiting / sizeof *waiting; i++) {
        assert_int_equal(inject(waiting[i], 90, 1), waiting[i]);
        lane_set all = port_rx(port, &burst);
        assert_int_equal(all, lane_first(waiting[i]));
        assert_true(burst.drained == (waiting[i] < BURST_DRAINED));
        port_drop(port, &burst, all);
    }
}

// RSP-12, RSP-14: no reply is handed to the device before its time, alone or with others, and the
// order is the lanes'.
static void test_replies_wait_for_their_time(void **state)
{
    (void)state;
    enum { REPLIES = 6, PACE = 100000 };
    static const uint16_t together[] = {1, 2, REPLIES};
    for (unsigned t = 0; t < sizeof together / sizeof *together; t++) {
        drain();
        assert_int_equal(inject(REPLIES, 90, 1), REPLIES);
        lane_set all = port_rx(port, &burst);
        for (unsigned i = 0; i < REPLIES; i++) {
            burst.reply_len[i] = 60;
            burst.reply[i][0] = (uint8_t)(0x50 + i);
        }
        burst.together = together[t];
        burst.not_before = tsc_now() + PACE;
        burst.pace = PACE;
        assert_int_equal(port_tx(port, &burst, all), all);
        // The first frame of the last call.
        unsigned last = (REPLIES - 1) / together[t] * together[t];
        assert_true(burst.tx_last >= burst.not_before + last * PACE);
        assert_true(burst.tx_ready < burst.tx_ended && burst.tx_ended >= burst.tx_last);
        assert_in_range(burst.tx_busy, 1, burst.tx_ended - burst.not_before);
        assert_int_equal(port_rx(port, &burst), all);
        for (unsigned i = 0; i < REPLIES; i++)
            assert_int_equal(burst.frame[i][0], 0x50 + i);
        port_drop(port, &burst, all);
    }
    burst = (struct burst){.together = LANES};
}

// CVE-2016-9312's kin: a frame in pieces is told as too long, so that parse drops it.
static void test_segments_and_oversize(void **state)
{
    (void)state;
    drain();
    unsigned before = in_use();
    assert_int_equal(inject(1, 50, 2), 1);
    assert_int_equal(inject(1, FRAME_MAX, 1), 1);
    assert_int_equal(inject(1, FRAME_MAX + 1, 1), 1);
    assert_int_equal(inject(1, 2000, 40), 1); // 80,000 octets: more than a length holds
    lane_set all = port_rx(port, &burst);
    assert_int_equal(all, lane_first(4));
    assert_true(burst.len[0] > FRAME_MAX);
    assert_int_equal(burst.len[1], FRAME_MAX);
    assert_true(burst.len[2] > FRAME_MAX);
    assert_true(burst.len[3] > FRAME_MAX);
    port_drop(port, &burst, all);
    assert_int_equal(in_use(), before);
}

// F11: replies that the send queue does not take stay lent until they are dropped; none is lost.
static void test_send_queue_full(void **state)
{
    (void)state;
    drain();
    unsigned before = in_use();
    while (inject(64, 90, 1) == 64)
        continue;
    lane_set all = port_rx(port, &burst);
    assert_int_equal(all, lane_first(LANES));
    assert_int_equal(inject(60, 90, 1), 60); // room for four replies is left
    for (unsigned i = 0; i < LANES; i++)
        burst.reply_len[i] = 90;
    lane_set sent = port_tx(port, &burst, all);
    assert_int_equal(sent, lane_first(4));
    port_drop(port, &burst, all & ~sent);
    drain();
    assert_int_equal(in_use(), before);
}

// F10: without buffers the port receives as many frames as it has replies for, then none; all works
// again after.
static void test_pool_exhausted(void **state)
{
    (void)state;
    static struct rte_mbuf *held[POOL_BUFFERS];
    drain();
    unsigned before = in_use();
    unsigned n = 0;
    assert_int_equal(inject(2 * LANES, 90, 1), 2 * LANES);
    while ((held[n] = rte_pktmbuf_alloc(ethdev->pool)) != NULL)
        n++;
    lane_set all = port_rx(port, &burst);
    assert_int_equal(all, lane_first(LANES)); // from the spares
    assert_int_equal(port_rx(port, &(struct burst){0}), 0);
    assert_true(atomic_load(&port->starved) > 0);
    port_drop(port, &burst, all);
    all = port_rx(port, &burst);
    assert_int_equal(all, lane_first(LANES));
    port_drop(port, &burst, all);
    rte_pktmbuf_free_bulk(held, n);
    assert_int_equal(in_use(), before);
}

// 2020-15025's kin: nothing leaks, whatever is answered.
static void test_nothing_leaks(void **state)
{
    (void)state;
    drain();
    unsigned before = in_use();
    uint64_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        inject((unsigned)(seed >> 60), 90, 1 + (seed >> 40) % 2);
        lane_set all = port_rx(port, &burst);
        for (unsigned i = 0; i < LANES; i++)
            burst.reply_len[i] = 60;
        lane_set sent = port_tx(port, &burst, all & seed);
        port_drop(port, &burst, all & ~sent);
    }
    drain();
    assert_int_equal(in_use(), before);
    assert_int_equal(ethdev->n_spare, LANES);
}

static rte_mbuf_timestamp_t *stamp_of(struct rte_mbuf *frame, const struct dpdk_clock *clock)
{
    return RTE_MBUF_DYNFIELD(frame, clock->stamps.field, rte_mbuf_timestamp_t *);
}

// As of a driver that stamps: net_ring passes the buffers on as they are.
static struct dpdk_clock stamping(void)
{
    struct dpdk_clock clock = {0};
    assert_int_equal(rte_mbuf_dyn_rx_timestamp_register(&clock.stamps.field, &clock.stamps.rx_flag),
                     0);
    assert_int_equal(rte_mbuf_dyn_tx_timestamp_register(&clock.stamps.field, &clock.stamps.tx_flag),
                     0);
    return clock;
}

// F30: a frame without the flag bears no stamp, whatever its field has. Until it is known which
// clock the stamps are from, none is lent, and the newest is left for the thread that finds out.
static void test_stamps(void **state)
{
    (void)state;
    struct dpdk_clock clock = stamping();
    drain();
    ethdev->clock = &clock;
    for (unsigned known = 0; known < 3; known++) {
        if (known == 2)
            clock.unit = clock_unit_of(1000, 2);
        clock.known = known > 0;
        for (unsigned i = 0; i < 5; i++) {
            struct rte_mbuf *frame = rte_pktmbuf_alloc(ethdev->pool);
            rte_pktmbuf_append(frame, 90);
            *stamp_of(frame, &clock) = 1000 + i;
            frame->ol_flags |= i % 2 ? clock.stamps.rx_flag : 0;
            assert_int_equal(rte_eth_tx_burst(ethdev->device, ethdev->queue, &frame, 1), 1);
        }
        const uint64_t before = tsc_now();
        const lane_set all = port_rx(port, &burst);
        assert_int_equal(all, lane_first(5));
        assert_int_equal(burst.hardware, known ? lane_bit(1) | lane_bit(3) : 0);
        assert_int_equal(burst.stamped, 0);
        if (known) {
            assert_int_equal(burst.own[3], known == 2 ? 6 : 1003);
        } else {
            struct choice_stamp newest;
            uint64_t seen;
            assert_true(snapshot_read(&ethdev->received, &newest, sizeof newest, &seen));
            assert_int_equal(newest.stamp, 1003);
            assert_true(newest.polled >= before && newest.polled <= tsc_now());
        }
        port_drop(port, &burst, all);
    }
    ethdev->clock = NULL;
    assert_int_equal(inject(1, 90, 1), 1);
    assert_int_equal(port_rx(port, &burst), lane_first(1));
    assert_int_equal(burst.hardware, 0);
    port_drop(port, &burst, lane_first(1));
}

// RSP-12: a device that waits gets the frames at once, and the first of them has the time; in its
// own unit, rounded up. While its clock is not known, and for a burst without such a time, the port
// waits.
static void test_launch(void **state)
{
    (void)state;
    enum { REPLIES = 3, AHEAD = 10000000 };
    struct dpdk_clock clock = stamping();
    clock.unit = clock_unit_of(1000, 4);
    ethdev->clock = &clock;
    ethdev->port.launches = true;
    for (unsigned round = 0; round < 4; round++) {
        drain();
        clock.known = round > 0;
        assert_int_equal(inject(REPLIES, 90, 1), REPLIES);
        const lane_set all = port_rx(port, &burst);
        assert_int_equal(all, lane_first(REPLIES));
        for (unsigned i = 0; i < REPLIES; i++)
            burst.reply_len[i] = 60;
        burst.launch = round == 3 ? 0 : 4001;
        const uint64_t until = burst.not_before = tsc_now() + AHEAD;
        assert_int_equal(port_tx(port, &burst, all), all);
        const bool waits = round == 0 || round == 3;
        assert_true(burst.tx_last >= until || !waits);
        struct rte_mbuf *out[LANES];
        assert_int_equal(rte_eth_rx_burst(ethdev->device, ethdev->queue, out, LANES), REPLIES);
        for (unsigned i = 0; i < REPLIES; i++)
            assert_int_equal(out[i]->ol_flags & clock.stamps.tx_flag,
                             i == 0 && !waits ? clock.stamps.tx_flag : 0);
        if (!waits)
            assert_int_equal(*stamp_of(out[0], &clock), 2001); // 1000.25, and 1000
        rte_pktmbuf_free_bulk(out, REPLIES);
    }
    ethdev->port.launches = false;
    ethdev->clock = NULL;
    burst = (struct burst){.together = LANES};
}

// A reply that the device did not take for its time does not keep that time as a later one.
static void test_launch_is_forgotten(void **state)
{
    (void)state;
    struct dpdk_clock clock = stamping();
    clock.known = true;
    drain();
    ethdev->clock = &clock;
    ethdev->port.launches = true;
    while (inject(64, 90, 1) == 64)
        continue;
    lane_set all = port_rx(port, &burst);
    assert_int_equal(all, lane_first(LANES));
    assert_int_equal(inject(LANES, 90, 1), LANES); // full again
    for (unsigned i = 0; i < LANES; i++)
        burst.reply_len[i] = 60;
    burst.launch = 4001;
    assert_int_equal(port_tx(port, &burst, all), 0);
    port_drop(port, &burst, all);
    drain();

    burst.launch = 0;
    assert_int_equal(inject(LANES, 90, 1), LANES);
    all = port_rx(port, &burst);
    assert_int_equal(port_tx(port, &burst, all), all);
    struct rte_mbuf *out[LANES];
    assert_int_equal(rte_eth_rx_burst(ethdev->device, ethdev->queue, out, LANES), LANES);
    for (unsigned i = 0; i < LANES; i++)
        assert_int_equal(out[i]->ol_flags & clock.stamps.tx_flag, 0);
    rte_pktmbuf_free_bulk(out, LANES);
    ethdev->port.launches = false;
    ethdev->clock = NULL;
    burst = (struct burst){.together = LANES};
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply_in_second_buffer),
        cmocka_unit_test(test_drained),
        cmocka_unit_test(test_replies_wait_for_their_time),
        cmocka_unit_test(test_segments_and_oversize),
        cmocka_unit_test(test_send_queue_full),
        cmocka_unit_test(test_pool_exhausted),
        cmocka_unit_test(test_nothing_leaks),
        cmocka_unit_test(test_stamps),
        cmocka_unit_test(test_launch),
        cmocka_unit_test(test_launch_is_forgotten),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ethdev", tests, open_ring, close_ring);
}
