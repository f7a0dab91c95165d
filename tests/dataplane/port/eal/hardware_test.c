// A core on a DPDK device with a clock of its own: net_simts (simts.h), a driver of a simulated
// device, over net_ring. What the device really did is known to the nanosecond, so the timestamps
// of the replies are held against it: RSP-10, RSP-12, RSP-14, F30. Without privileges, on 4 KiB
// pages.
//
// hardware_test [EXCHANGES]: as many as that for each figure, which it prints; the default is a
// short form. Nothing depends on the machine's speed: late replies are looked at in another way
// than those in time.
#include "base/log.h"
#include "base/tsc.h"
#include "dataplane/clock/clock.h"
#include "dataplane/clock/launch.h"
#include "dataplane/port/eal/device.h"
#include "dataplane/port/eal/eal.h"
#include "dataplane/port/eal/pool.h"
#include "tests/dataplane/port/clocked_core.h"
#include "tests/dataplane/port/eal/simts.h"

#include <rte_config.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    HEADERS = 14 + 20 + 8,
    APART_NS = 120, // respond.c moves a T2 up to so much, so that no two are equal
    KNOWN_S = 60,   // the clock is found out sooner than this on any machine
};

static unsigned exchanges = 400;

struct bench {
    struct clocked_core on; // a multiple of 64
    struct device device;
    struct port *port;
    struct ethdev *queue;
    uint16_t sub;
};

static struct bench *open_bench(const char *args, bool launch)
{
    struct bench *b = aligned_alloc(64, (sizeof *b + 63) / 64 * 64);
    assert_non_null(b);
    memset(b, 0, sizeof *b);
    const struct device_plan plan = {
        .device = args, .n_queues = 1, .stamps = true, .launch = launch};
    assert_int_equal(device_open(&b->device, &plan), 0);
    b->queue = b->device.queue[0];
    b->port = &b->queue->port;
    b->port->line = &b->on.shown.own_clock;
    b->sub = simts_sub(b->device.id);
    assert_true(b->device.has_clock);
    clocked_core_open(&b->on, b->port, &b->device.clock.port, rte_get_tsc_hz());
    return b;
}

static void close_bench(struct bench *b)
{
    core_close(&b->on.core);
    device_close(&b->device);
    free(b);
}

struct result {
    uint64_t arrived, left; // TSC, of the device
    uint64_t polled;        // TSC, of the core
    ntp_time t2, t3;
    enum moment_source source;
};

static uint64_t u64(const uint8_t *at)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | at[i];
    return value;
}

static void push(struct bench *b, uint64_t *arrived)
{
    struct rte_mbuf *request = rte_pktmbuf_alloc(b->queue->pool);
    assert_non_null(request);
    memcpy(rte_pktmbuf_append(request, (uint16_t)b->on.frame.len), b->on.frame.at, b->on.frame.len);
    *arrived = *simts_tsc(request) = tsc_now();
    assert_int_equal(rte_eth_tx_burst(b->sub, 0, &request, 1), 1);
}

// The next reply that the device lets go.
static void pop(struct bench *b, struct result *result)
{
    struct rte_mbuf *reply;
    while (rte_eth_rx_burst(b->sub, 0, &reply, 1) == 0)
        assert_false(core_turn(&b->on.core));
    const uint8_t *at = rte_pktmbuf_mtod(reply, uint8_t *);
    assert_true(frame_sums_hold(at, reply->pkt_len));
    result->left = *simts_tsc(reply);
    assert_true((int64_t)(tsc_now() - result->left) >= 0);
    result->t2 = u64(at + HEADERS + 32);
    result->t3 = u64(at + HEADERS + 40);
    rte_pktmbuf_free(reply);
}

// n requests arrive together, and all are answered. When the core is held up for so long that it
// does not send replies, they arrive again.
static void ask(struct bench *b, unsigned n, struct result *result)
{
    uint64_t arrived[LANES];
    uint64_t stale;
    do {
        clocked_core_read(&b->on);
        stale = b->on.counters.outcome[DROPPED_STALE];
        for (unsigned i = 0; i < n; i++)
            push(b, &arrived[i]);
        assert_true(core_turn(&b->on.core));
        stale = b->on.counters.outcome[DROPPED_STALE] - stale;
        const uint64_t polled = b->on.core.time.arrived;
        for (unsigned i = 0; i < n - stale; i++) {
            result[i].source = b->on.core.batch.arrival[i].source;
            pop(b, &result[i]);
            result[i].arrived = arrived[i];
            result[i].polled = polled;
        }
    } while (stale > 0);
}

// Did the frame wait for so long, before this core looked, that its stamp is not believed?
static bool was_held_up(const struct result *result)
{
    return result->polled - result->arrived > rte_get_tsc_hz() / 1000 * (TURN_GAP_MAX_MS - 1);
}

// In ns.
static double span_ns(ntp_time from, ntp_time to)
{
    return (double)(int64_t)(to - from) * (NS_PER_S / 4294967296.0);
}

static double line_error_ns(const struct bench *b, uint64_t tsc)
{
    const struct stamp_line *line = &b->on.core.own_clock.line;
    return line->rate == 0 ? 0 : launch_error_ns(line, tsc);
}

// Until the clock is known and has a line. False when it never is.
static bool find_clock(struct bench *b, unsigned seconds)
{
    const uint64_t until = tsc_now() + rte_get_tsc_hz() * seconds;
    struct result result;
    while ((int64_t)(until - tsc_now()) > 0) {
        ask(b, 1, &result);
        core_refresh(&b->on.core);
        if (b->on.core.own_clock.line.until != 0)
            return true;
    }
    return false;
}

// T2 is the arrival, to within the line's bound; T3 is not after the departure.
static void receive(const char *name, const char *args)
{
    struct bench *b = open_bench(args, false);
    struct result result;
    double *error = calloc(exchanges, sizeof *error), *bound = calloc(exchanges, sizeof *bound);
    assert_true(find_clock(b, KNOWN_S));
    for (unsigned i = 0; i < exchanges; i++) {
        do
            ask(b, 1, &result);
        while (was_held_up(&result));
        assert_int_equal(result.source, MOMENT_OWN);
        error[i] = fabs(span_ns(clock_utc(&b->on.state.line, result.arrived), result.t2));
        bound[i] = line_error_ns(b, result.arrived);
        assert_true(error[i] <= bound[i] + 3); // the stamp is rounded, and so is T2
        assert_true(span_ns(result.t3, clock_utc(&b->on.state.line, result.left)) >= 0);
    }
    printf("# %s\n", name);
    clocked_core_say("receive error", error, exchanges);
    clocked_core_say("its bound", bound, exchanges);
    free(error);
    free(bound);
    close_bench(b);
}

static void a_fast_clock_stamps_requests(void **state)
{
    (void)state;
    receive("+100 ppm, 37 s ahead, timesync_read_time; read_clock is CLOCK_MONOTONIC_RAW",
            "net_simts0,sub=net_ring0,drift_ppb=100000,offset_ns=37000000000,read_clock=raw");
}

static void a_slow_clock_in_ticks_stamps_requests(void **state)
{
    (void)state;
    receive("-100 ppm, 37 s ahead, read_clock in ticks of 312.5 MHz; no timesync",
            "net_simts1,sub=net_ring1,drift_ppb=-100000,offset_ns=37000000000,hz=312500000,"
            "timesync=none");
}

// A device that stamps only some frames: each of the others counts as arrived when it was polled.
static void frames_without_a_stamp_fall_back(void **state)
{
    (void)state;
    struct bench *b = open_bench("net_simts2,sub=net_ring2,stamps=60", false);
    struct result result[8];
    unsigned own = 0, polled = 0;
    assert_true(find_clock(b, KNOWN_S));
    for (unsigned i = 0; i < 100; i++) {
        ask(b, 8, result);
        for (unsigned k = 0; k < 8; k++) {
            const ntp_time arrived = clock_utc(&b->on.state.line, result[k].arrived);
            const bool has = result[k].source == MOMENT_OWN;
            own += has;
            polled += result[k].source == MOMENT_POLL;
            const double error = span_ns(arrived, result[k].t2);
            assert_true(error >= -line_error_ns(b, result[k].arrived) - 3);
            assert_true(!has || error <= line_error_ns(b, result[k].arrived) + 3 + APART_NS);
        }
    }
    assert_true(own > 200 && polled > 200 && own + polled == 800);
    close_bench(b);
}

// Neither of the two clocks that can be read is the stamps': none is used.
static void an_unknown_clock_is_not_used(void **state)
{
    (void)state;
    struct bench *b =
        open_bench("net_simts3,sub=net_ring3,timesync=other,read_clock=raw,launch=1", true);
    struct result result;
    assert_false(find_clock(b, 5));
    assert_true(clock_choice_is_kernel(&b->device.clock.choice, CLOCK_READ));
    ask(b, 1, &result);
    assert_int_equal(result.source, MOMENT_POLL);
    assert_int_equal(simts_launched(b->device.id), 0);
    assert_true(span_ns(result.t3, clock_utc(&b->on.state.line, result.left)) >= 0);
    close_bench(b);
}

// A clock that was set is no longer used until it runs evenly again, and no reply is wrong by it.
static void a_step_of_the_clock_is_noticed(void **state)
{
    (void)state;
    struct bench *b = open_bench("net_simts4,sub=net_ring4,launch=1", true);
    struct result result;
    assert_true(find_clock(b, KNOWN_S));
    rte_eth_timesync_adjust_time(b->device.id, -1000000000);
    const uint64_t stepped = tsc_now();
    bool was_void = false;
    while (tsc_now() - stepped < rte_get_tsc_hz() * 2) {
        ask(b, 1, &result);
        was_void |= b->on.core.own_clock.line.until == 0;
        const double late = span_ns(clock_utc(&b->on.state.line, result.arrived), result.t2);
        // Not believed, or with an error that is in the dispersion: stamps are then 1 s old.
        assert_true(late >= -3 || was_void || b->on.core.batch.arrival[0].error_ns >= -late);
        if (was_void)
            assert_true(late >= -line_error_ns(b, result.arrived) - 3);
    }
    assert_true(was_void);
    close_bench(b);
}

// The device lets replies go when they say that they leave.
static void replies_leave_at_their_time(void **state)
{
    (void)state;
    struct bench *b = open_bench("net_simts5,sub=net_ring5,drift_ppb=100000,offset_ns=37000000000,"
                                 "launch=1,txlat_ns=800,mbps=25000",
                                 true);
    struct result result[40];
    double *error = calloc(exchanges, sizeof *error);
    unsigned n = 0, late = 0;
    assert_true(find_clock(b, KNOWN_S));
    for (unsigned i = 0; i < exchanges; i++) {
        const unsigned together = i % 16 == 15 ? 40 : 1 + i % 3;
        const uint64_t launched = simts_launched(b->device.id);
        const uint64_t passed = simts_launched_late(b->device.id);
        ask(b, together, result);
        assert_int_equal(simts_launched(b->device.id), launched + 1); // once for all
        const bool in_time = simts_launched_late(b->device.id) == passed;
        for (unsigned k = 0; k < together; k++) {
            const double after =
                span_ns(result[k].t3, clock_utc(&b->on.state.line, result[k].left));
            assert_true(after >= 0); // also of those that came late to the device
            assert_int_equal(result[k].t3, result[0].t3);
        }
        const double first = span_ns(result[0].t3, clock_utc(&b->on.state.line, result[0].left));
        late += !in_time;
        if (!in_time)
            continue;
        assert_true(first <= 2 * line_error_ns(b, result[0].left) + 5);
        error[n++] = first;
    }
    assert_int_equal(b->on.counters.departures_early, 0);
    clocked_core_say("launched: departure after T3", error, n);
    printf("# late at the device: %u of %u; composed again: %u\n", late, exchanges,
           (unsigned)b->on.counters.composed_again);
    assert_true(n > 0);
    free(error);
    close_bench(b);
}

// A device that says so, but sends at once: its own transmit stamps prove it. No reply after that
// leaves before its time.
static void a_device_that_does_not_wait_is_found_out(void **state)
{
    (void)state;
    struct bench *b = open_bench("net_simts6,sub=net_ring6,launch=2", true);
    struct result result;
    assert_true(find_clock(b, KNOWN_S));
    for (unsigned i = 0; i < 100000 && b->on.core.time.launches; i++) {
        b->queue->sample_next = tsc_now();
        ask(b, 1, &result);
    }
    assert_false(b->on.core.time.launches);
    assert_true(b->on.counters.departures_early >= 1);
    const uint64_t launched = simts_launched(b->device.id);
    for (unsigned i = 0; i < 50; i++) {
        ask(b, 1, &result);
        assert_true(span_ns(result.t3, clock_utc(&b->on.state.line, result.left)) >= 0);
    }
    assert_int_equal(simts_launched(b->device.id), launched);
    close_bench(b);
}

// Without launch time, the device's transmit stamps tell how long a frame takes to the wire. T3
// takes the least of that, and never lies after the departure.
static void departures_are_learned_from_the_device(void **state)
{
    (void)state;
    struct bench *b =
        open_bench("net_simts7,sub=net_ring7,drift_ppb=-100000,txlat_ns=20000", false);
    struct result result;
    double *error[2] = {calloc(exchanges, sizeof(double)), calloc(exchanges, sizeof(double))};
    assert_true(find_clock(b, KNOWN_S));
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < exchanges; i++) {
            b->queue->sample_next = round == 0 ? UINT64_MAX / 2 : b->queue->sample_next;
            ask(b, 1, &result);
            error[round][i] = span_ns(result.t3, clock_utc(&b->on.state.line, result.left));
            assert_true(error[round][i] >= 0);
        }
        // As many samples as are needed, sooner than at ten a second.
        b->queue->sample_next = 0;
        for (unsigned i = 0; i < 100000 && !b->on.core.time.departure.left.full; i++) {
            b->queue->sample_next = tsc_now();
            ask(b, 1, &result);
            assert_true(span_ns(result.t3, clock_utc(&b->on.state.line, result.left)) >= 0);
        }
        assert_true(b->on.core.time.departure.left.full);
    }
    // Two bursts before the device tells of the first one.
    const uint64_t sampled = b->on.counters.departures_sampled;
    uint64_t arrived;
    b->queue->sample_next = tsc_now();
    for (unsigned i = 0; i < 2; i++) {
        push(b, &arrived);
        assert_true(core_turn(&b->on.core));
    }
    while (b->on.core.time.sample.waiting)
        core_turn(&b->on.core); // it may get its own replies, and drops them
    assert_in_range(b->on.counters.departures_sampled, sampled + 1, sampled + 2);

    const double lead_ns =
        b->on.core.time.departure.left.ticks / (double)b->on.state.tsc_hz * NS_PER_S;
    assert_true(lead_ns >= 19000); // nearly the device's 20,000
    assert_true(b->on.counters.departures_sampled >= DEPARTURE_SAMPLES);
    assert_int_equal(b->on.counters.departures_early, 0);
    clocked_core_say("T3 to departure, as guessed", error[0], exchanges);
    clocked_core_say("T3 to departure, learned", error[1], exchanges);
    free(error[0]);
    free(error[1]);
    close_bench(b);
}

static int start(void **state)
{
    (void)state;
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof allowed, &allowed);
    uint32_t cpu = 0;
    while (!CPU_ISSET(cpu, &allowed))
        cpu++;
    const struct eal_plan plan = {.prefix = "noonmark-hardware",
                                  .cores = &cpu,
                                  .n_cores = 1,
                                  .memory_mib = pool_memory_mib(3)};
    return eal_start(&plan);
}

static int stop(void **state)
{
    (void)state;
    eal_stop();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        exchanges = (unsigned)strtoul(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fast_clock_stamps_requests),
        cmocka_unit_test(a_slow_clock_in_ticks_stamps_requests),
        cmocka_unit_test(frames_without_a_stamp_fall_back),
        cmocka_unit_test(an_unknown_clock_is_not_used),
        cmocka_unit_test(a_step_of_the_clock_is_noticed),
        cmocka_unit_test(replies_leave_at_their_time),
        cmocka_unit_test(a_device_that_does_not_wait_is_found_out),
        cmocka_unit_test(departures_are_learned_from_the_device),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("port/eal/hardware", tests, start, stop);
}
