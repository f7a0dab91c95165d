// Frames with metadata, behind the rings of a simulated device (sim_nic.h): departures that it
// tells (IL-9), samples, and launch times, of a queue and of a whole core. RSP-10, RSP-12, RSP-14.
//
// told_test [EXCHANGES]: as many as that for each figure, which it prints; the default is a short
// form. Nothing depends on the machine's speed: late replies are looked at in another way than
// those in time.
#include "base/ntp_time.h"
#include "base/tsc.h"
#include "dataplane/clock/clock.h"
#include "dataplane/clock/launch.h"
#include "dataplane/port/xdp/tx_stamps.h"
#include "tests/dataplane/port/clocked_core.h"
#include "tests/dataplane/port/xdp/sim_nic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HEADERS = 14 + 20 + 8, TRIES = 100000 };

static unsigned exchanges = 400;
static const struct queue_uses all_uses = {.tells = true, .launches = true, .launch_grain = 1};

// A queue alone.

static struct queue *queue;
static struct port *port;
static struct burst burst;

static void open_queue(const struct sim_plan *plan, const struct queue_uses *uses)
{
    sim_start(plan);
    burst = (struct burst){.together = LANES};
    assert_int_equal(queue_open(&(struct socket_plan){.metadata = true}, &queue), 0);
    assert_int_equal(queue_use_metadata(queue, uses), 0);
    port = &queue->port;
}

static lane_set receive(unsigned n)
{
    const uint8_t frame[90] = {0};
    for (unsigned i = 0; i < n; i++)
        sim_receive(frame, sizeof frame);
    const lane_set all = port_rx(port, &burst);
    assert_true(all == lane_first(n));
    for (unsigned i = 0; i < n; i++) {
        burst.reply_len[i] = 90;
        memset(burst.reply[i], (int)(0x40 + i), 90);
        burst.ticket[i] = 1000 * sim_n_sent() + i;
    }
    return all;
}

// The departures that have been told by now.
static unsigned told(struct port_departure out[LANES])
{
    sim_pump();
    return port_departures(port, out, LANES);
}

// IL-9: the device's stamp comes back with its ticket, and is that of its own frame.
static void departures_are_told(void **state)
{
    (void)state;
    open_queue(&(struct sim_plan){.offset_ns = 37000000000, .latency_ns = 800}, &all_uses);
    struct port_departure out[LANES];
    for (unsigned round = 0; round < 2 * SOCKET_FRAMES / 6; round++) {
        const lane_set all = receive(6);
        const unsigned first = sim_n_sent();
        const uint64_t began = tsc_now();
        burst.exact = 0x2a; // lanes 1, 3 and 5, which are sent last
        assert_true(port_tx(port, &burst, all) == all && burst.exact == 0x2a);
        assert_int_equal(sim_n_sent(), first + 6);
        unsigned n = 0;
        while (n < 3)
            n += told(out + n);
        assert_int_equal(n, 3);
        for (unsigned i = 0; i < 3; i++) {
            const struct sim_sent *sent = sim_sent(first + 3 + i);
            assert_int_equal(sent->octets[0], 0x41 + 2 * i);
            assert_true(out[i].known && out[i].hardware);
            assert_int_equal(out[i].ticket, 1000 * first + 1 + 2 * i);
            assert_int_equal(out[i].stamp, sim_reading(sent->left));
            assert_true(out[i].began >= began && out[i].tsc >= sent->left);
        }
        assert_int_equal(told(out), 0);
    }
    queue_close(queue);
}

// A driver that stamps once for all that it was given: a frame with others behind it has no stamp.
static void a_stamp_of_another_frame_is_not_told(void **state)
{
    (void)state;
    open_queue(&(struct sim_plan){.stamps = SIM_STAMPS_LAST}, &all_uses);
    struct port_departure out[LANES];
    for (unsigned round = 0; round < 3; round++) {
        const lane_set all = receive(3);
        const unsigned first = sim_n_sent();
        burst.exact = 0x6;
        sim_stall(round != 1, true); // it reads the ring later, all at once
        assert_true(port_tx(port, &burst, all) == all);
        sim_stall(true, true);
        unsigned n = 0;
        while (n < 2)
            n += told(out + n);
        for (unsigned i = 0; i < 2; i++) {
            const bool last = round != 1 || out[i].ticket % 10 == 2;
            assert_true(out[i].known == last);
            if (last)
                assert_int_equal(out[i].stamp,
                                 sim_reading(sim_sent(first + (unsigned)out[i].ticket % 10)->left));
        }
    }
    queue_close(queue);
}

// IL-9: a frame without a stamp, and one that does not come back, are unknown, and once. What comes
// back later does no harm.
static void lost_stamps_are_unknown(void **state)
{
    (void)state;
    open_queue(&(struct sim_plan){.stamps = SIM_STAMPS_NONE}, &all_uses);
    struct port_departure out[LANES];
    burst.exact = 1;
    assert_int_equal(port_tx(port, &burst, receive(1)), 1);
    while (told(out) == 0)
        continue;
    assert_false(out[0].known);
    sim_stall(true, false);
    for (unsigned i = 0; i < LANES; i++) {
        burst.exact = 1;
        assert_int_equal(port_tx(port, &burst, receive(1)), 1);
        assert_int_equal(burst.exact, 1);
    }
    receive(1); // there is no room for another
    burst.exact = 1;
    assert_int_equal(port_tx(port, &burst, 1), 1);
    assert_int_equal(burst.exact, 0);
    unsigned n = 0;
    while (n < LANES)
        n += told(out + n);
    for (unsigned i = 0; i < LANES; i++)
        assert_false(out[i].known);
    sim_stall(true, true);
    assert_int_equal(told(out), 0);
    receive(1); // all come back, and with them one that is waited for
    burst.exact = 1;
    assert_int_equal(port_tx(port, &burst, 1), 1);
    while ((n = told(out)) == 0)
        continue;
    assert_int_equal(n, 1);
    assert_int_equal(out[0].ticket, burst.ticket[0]);
    queue_close(queue);
}

// A port whose stamps are never believed goes back to another way.
static void stamps_without_belief_are_given_up(void **state)
{
    (void)state;
    open_queue(&(struct sim_plan){0}, &all_uses);
    for (unsigned i = 0; i < PORT_DOUBTED_MAX - 1; i++)
        port_departed(port, 1, 0);
    port_departed(port, 2, 1);
    for (unsigned i = 0; i < PORT_DOUBTED_MAX; i++) {
        assert_true(port->tells);
        port_departed(port, 1, 0);
    }
    assert_false(port->tells);
    burst.exact = 1;
    assert_int_equal(port_tx(port, &burst, receive(1)), 1);
    assert_int_equal(burst.exact, 0); // there is no other way here
    queue_close(queue);
}

// Only frames that ask have metadata, and a reply's octets are not touched by it. Of a call with
// several frames none is sampled: it might have the last one's stamp.
static void other_frames_bear_none(void **state)
{
    (void)state;
    open_queue(&(struct sim_plan){0}, &all_uses);
    uint64_t own;
    for (unsigned n = 1; n < 4; n++) {
        queue->sample_next_ns = 0;
        const unsigned first = sim_n_sent();
        assert_true(port_tx(port, &burst, receive(n)) == lane_first(n));
        assert_true(burst.sampled == (n == 1));
        for (unsigned i = 0; i < n; i++) {
            const struct sim_sent *sent = sim_sent(first + i);
            assert_true(sent->stamped == (n == 1) && !sent->launched);
            for (unsigned k = 0; k < 90; k++)
                assert_int_equal(sent->octets[k], 0x40 + i);
        }
        while (burst.sampled && port_sampled(port, &own) == 0)
            sim_pump();
        if (burst.sampled)
            assert_int_equal(own, sim_reading(sim_sent(first)->left));
    }
    queue_close(queue);
}

// A core on such a queue.

static struct clocked_core *open_bench(const struct sim_plan *plan, const struct queue_uses *uses)
{
    struct clocked_core *b = aligned_alloc(64, (sizeof *b + 63) / 64 * 64);
    assert_non_null(b);
    memset(b, 0, sizeof *b);
    open_queue(plan, uses);
    port->clock = true;
    queue->sample_next_ns = UINT64_MAX; // the tests say when
    clocked_core_open(b, port, sim_clock(), (uint64_t)sim_tsc_hz());
    return b;
}

static void close_bench(struct clocked_core *b)
{
    core_close(&b->core);
    queue_close(queue);
    free(b);
}

static ntp_time transmit_time(const struct sim_sent *sent)
{
    ntp_time value = 0;
    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | sent->octets[HEADERS + 40 + i];
    return value;
}

// From its transmit timestamp to its departure, in ns.
static double after_ns(const struct clocked_core *b, const struct sim_sent *sent)
{
    const ntp_time left = clock_utc(&b->state.line, sent->left);
    return (double)(int64_t)(left - transmit_time(sent)) * (NS_PER_S / 4294967296.0);
}

// n requests arrive together, and all are answered; none leaves before its timestamp, whatever the
// device does. When the core is held up for so long that it does not send replies, they arrive
// again. Returns the first reply.
static const struct sim_sent *ask(struct clocked_core *b, unsigned n)
{
    unsigned first;
    do {
        clocked_core_read(b);
        first = sim_n_sent();
        for (unsigned i = 0; i < n; i++)
            sim_receive(b->frame.at, b->frame.len);
        assert_true(core_turn(&b->core));
        for (unsigned i = first; i != sim_n_sent(); i++) {
            assert_true(frame_sums_hold(sim_sent(i)->octets, sim_sent(i)->len));
            assert_true(after_ns(b, sim_sent(i)) >= 0);
        }
        while (sim_n_sent() != first && !sim_sent(sim_n_sent() - 1)->completed)
            sim_pump();
        core_turn(&b->core); // an empty turn, which takes what the device has told
    } while (sim_n_sent() - first != n);
    return sim_sent(first);
}

// Until the line of the device's clock is there.
static void find_clock(struct clocked_core *b)
{
    while (b->core.own_clock.line.until == 0) {
        ask(b, 1);
        core_refresh(&b->core);
    }
}

// Until the trials of launch times are over.
static void try_launch(struct clocked_core *b)
{
    assert_true(b->core.time.launches && b->core.time.trials == TURN_TRIALS);
    assert_int_equal(port->launch, PORT_LAUNCH_TRIED);
    for (unsigned i = 0; i < TRIES && b->core.time.launches && b->core.time.trials > 0; i++) {
        queue->sample_next_ns = 0;
        ask(b, 1);
    }
}

// RSP-10, RSP-12: the device lets replies go when they say that they leave, once trials have shown
// that it waits. A burst that would come late is sealed again, or leaves after its timestamp.
static void leave_at_their_time(const struct sim_plan *plan, uint64_t grain)
{
    struct clocked_core *b = open_bench(
        plan, &(struct queue_uses){.tells = true, .launches = true, .launch_grain = grain});
    double *error = calloc(exchanges, sizeof *error);
    unsigned n = 0, late = 0;
    find_clock(b);
    try_launch(b);
    assert_true(b->core.time.launches && b->core.time.trials == 0);
    assert_int_equal(port->launch, PORT_LAUNCH_USED);
    for (unsigned i = 0; i < exchanges; i++) {
        const unsigned together = i % 16 == 15 ? 40 : 1 + i % 3;
        const unsigned before = sim_n_sent();
        const struct sim_sent *first = ask(b, together);
        assert_true(first->launched && sim_n_sent() - before >= together);
        assert_true(together == 1 || !sim_sent(sim_n_sent() - 1)->launched); // once for all
        late += first->late;
        if (first->late)
            continue;
        error[n] = after_ns(b, first);
        assert_true(error[n] <=
                    2 * launch_error_ns(&b->core.own_clock.line, first->left) + 5 + (double)grain);
        n++;
    }
    assert_int_equal(b->counters.departures_early, 0);
    clocked_core_say("launched: departure after T3", error, n);
    printf("# late at the device: %u of %u; composed again: %u\n", late, exchanges,
           (unsigned)b->counters.composed_again);
    assert_true(n > 0);
    free(error);
    close_bench(b);
}

static void replies_leave_at_their_time(void **state)
{
    (void)state;
    leave_at_their_time(
        &(struct sim_plan){.drift_ppb = 100000, .offset_ns = 37000000000, .latency_ns = 800}, 1);
}

static void a_coarse_launch_time_is_rounded_up(void **state)
{
    (void)state;
    leave_at_their_time(
        &(struct sim_plan){
            .drift_ppb = -20000, .offset_ns = 1000, .latency_ns = 800, .launch = SIM_LAUNCH_COARSE},
        256);
}

// RSP-12: a driver that announces launch times, and a device that does not keep them: no reply ever
// relies on it, the first one neither.
static void a_device_that_does_not_wait_is_found_out(void **state)
{
    (void)state;
    static const struct sim_plan plan[] = {
        {.launch = SIM_LAUNCH_IGNORED, .latency_ns = 800},
        {.launch = SIM_LAUNCH_LATE, .latency_ns = 800},
        {.stamps = SIM_STAMPS_NONE, .latency_ns = 800}, // nothing can be found out
    };
    for (unsigned i = 0; i < sizeof plan / sizeof *plan; i++) {
        struct clocked_core *b = open_bench(&plan[i], &all_uses);
        find_clock(b);
        try_launch(b);
        assert_false(b->core.time.launches);
        assert_int_equal(port->launch, PORT_LAUNCH_REFUSED);
        for (unsigned k = 0; k < 50; k++) {
            queue->sample_next_ns = 0;
            assert_false(ask(b, 1)->launched);
        }
        assert_int_equal(b->counters.departures_early, 0);
        close_bench(b);
    }
}

// RSP-10: without launch times the device's stamps tell how long a frame takes to the wire. T3
// takes the least of that.
static void departures_are_learned(void **state)
{
    (void)state;
    struct clocked_core *b =
        open_bench(&(struct sim_plan){.drift_ppb = -100000, .latency_ns = 20000},
                   &(struct queue_uses){.tells = true, .launch_grain = 1});
    find_clock(b);
    for (unsigned i = 0; i < TRIES && !b->core.time.departure.left.full; i++) {
        queue->sample_next_ns = 0;
        ask(b, 1);
    }
    assert_true(b->core.time.departure.left.full);
    const double lead_ns = b->core.time.departure.left.ticks / (double)b->state.tsc_hz * NS_PER_S;
    assert_true(lead_ns >= 19000); // nearly the device's 20,000
    assert_true(b->counters.departures_sampled >= DEPARTURE_SAMPLES);
    assert_int_equal(b->counters.departures_early, 0);
    close_bench(b);
}

// A driver whose stamps are of another clock: nothing is learned of them, and no launch time used.
static void stamps_of_another_clock_are_refused(void **state)
{
    (void)state;
    struct clocked_core *b =
        open_bench(&(struct sim_plan){.stamps = SIM_STAMPS_OTHER, .latency_ns = 800}, &all_uses);
    find_clock(b);
    try_launch(b);
    assert_false(b->core.time.launches);
    for (unsigned i = 0; i < 2 * DEPARTURE_SAMPLES; i++) {
        queue->sample_next_ns = 0;
        ask(b, 1);
    }
    assert_int_equal(b->counters.departures_sampled, 0);
    assert_false(b->core.time.departure.left.full);
    close_bench(b);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        exchanges = (unsigned)strtoul(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(departures_are_told),
        cmocka_unit_test(a_stamp_of_another_frame_is_not_told),
        cmocka_unit_test(lost_stamps_are_unknown),
        cmocka_unit_test(stamps_without_belief_are_given_up),
        cmocka_unit_test(other_frames_bear_none),
        cmocka_unit_test(replies_leave_at_their_time),
        cmocka_unit_test(a_coarse_launch_time_is_rounded_up),
        cmocka_unit_test(a_device_that_does_not_wait_is_found_out),
        cmocka_unit_test(departures_are_learned),
        cmocka_unit_test(stamps_of_another_clock_are_refused),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("xdp/told", tests, NULL, NULL);
}
