// A core whose device lets replies go at a time, and tells when one left: RSP-10, RSP-12, RSP-14.
#include "tests/dataplane/rig.h"

#include "base/tsc.h"
#include "dataplane/clock/clock.h"
#include "dataplane/clock/launch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { HEADERS = 14 + 20 + 8 };

static uint8_t reply[PACKET_MAX];

static uint64_t u64(const uint8_t *at)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | at[i];
    return value;
}

// A clock of UTC whose tick is 2^-32 s, and a device's clock. A second is
// long, so that 6 us of it are much longer than a turn.
static struct rig *open_launching(void)
{
    struct rig *rig = rig_open("auto", NULL);
    rig->state.line.rate = UINT64_C(1) << CLOCK_RATE_SHIFT;
    rig->state.line.tsc_base = tsc_now();
    rig->state.tsc_hz = UINT64_C(100000000000); // 10 ms are 10^9 ticks, 6 us 600,000
    rig->state.written_tsc = tsc_now();
    rig->state.precision = -32;
    rig_publish_state(rig);
    memory_port_launches(rig->port, true);
    rig->core.time.launches = true;
    rig->core.own_clock.line = (struct stamp_line){
        .stamp_base = UINT64_C(5000000000),
        .tsc_base = tsc_now(),
        .rate = UINT64_C(100) << STAMP_RATE_SHIFT,
        .until = tsc_now() + (UINT64_C(1) << 60),
        .bound_ns = 100,
    };
    return rig;
}

static void push(struct rig *rig, unsigned n)
{
    const struct packet ntp = packet_ntp(4, 3);
    const struct packet frame = frame_around(&frame_default, ntp.at, ntp.len);
    for (unsigned i = 0; i < n; i++)
        assert_true(memory_port_push(rig->port, frame.at, frame.len));
}

// The timestamps of a burst are one time, and the device is told that time plus the bound of the
// line of its clock, so that no frame leaves before it.
static void replies_say_when_the_device_lets_them_go(void **state)
{
    (void)state;
    struct rig *rig = open_launching();
    const struct turn_time *time = &rig->core.time;
    for (unsigned n = 1; n <= LANES; n += 9) {
        push(rig, n);
        assert_true(core_turn(&rig->core));
        const uint64_t leaves = time->composed + time->plan.ready;
        const uint64_t launch = memory_port_launch(rig->port);
        assert_true(time->plan.ready >= 600000);
        assert_int_equal(launch, launch_at(&rig->core.own_clock.line, leaves));
        assert_true(launch_left(&rig->core.own_clock.line, launch - 100) >= leaves);
        for (unsigned i = 0; i < n; i++) {
            assert_true(memory_port_take(rig->port, reply, NULL) > 0);
            assert_true(u64(reply + HEADERS + 40) <= clock_utc(&rig->state.line, leaves));
            assert_true(u64(reply + HEADERS + 40) + 2 > clock_utc(&rig->state.line, leaves));
        }
    }
    rig_close(rig);
}

// Without a line of the device's clock, the port waits itself.
static void without_a_line_the_port_waits(void **state)
{
    (void)state;
    struct rig *rig = open_launching();
    const struct turn_time *time = &rig->core.time;
    memory_port_cost(rig->port, 100000); // 1 us: a slow port
    push(rig, 1);
    assert_true(core_turn(&rig->core));
    assert_true(memory_port_launch(rig->port) != 0);
    rig->core.own_clock.line = (struct stamp_line){0};
    for (unsigned i = 0; i < 20; i++) {
        push(rig, 1);
        assert_true(core_turn(&rig->core));
        assert_int_equal(memory_port_launch(rig->port), 0);
        assert_true(rig->core.batch.burst.tx_last >= time->composed + time->plan.ready);
    }
    assert_int_equal(turn_time_part(time, &rig->state), DEPARTURE_PART);
    rig->core.time.launch = 1; // it would be one part
    assert_int_equal(turn_time_part(time, &rig->state), LANES);
    while (memory_port_take(rig->port, reply, NULL) > 0)
        continue;
    rig_close(rig);
}

// A kernel that is held up for 20 million ticks: n times, then never again.
static unsigned hold_ups;

static lane_set held_up(struct exchange *x, lane_set which)
{
    if (hold_ups > 0) {
        hold_ups--;
        for (const uint64_t start = tsc_now(); tsc_now() - start < 20000000;)
            continue;
    }
    return rig_variant("auto")->run(x, which);
}

static bool always(void)
{
    return true;
}

// A burst that is late for its time is composed and sealed once more for a later one. Is it late
// again, its time has passed, and the device sends it at once: it leaves after what it says.
static void late_replies_are_sealed_again(void **state)
{
    (void)state;
    static const struct exchange_variant slow = {"held up", always, held_up};
    struct rig *rig = open_launching();
    const struct turn_time *time = &rig->core.time;
    rig->core.work.kernels.of[AEAD_SIV_CMAC_256] = &slow;
    struct client client = client_new(1, &rig->ring.entry[0]);
    const struct packet request = client_request(&client, &request_default);
    uint8_t cookies[8][100];
    for (unsigned n = 0; n <= 2; n++) {
        const uint64_t again = rig->counters.composed_again;
        hold_ups = n;
        const uint64_t began = tsc_now();
        const uint32_t len = rig_ask(rig, &request, reply);
        assert_int_equal(client_open(&client, &request, reply, len, cookies), 1);
        assert_int_equal(hold_ups, 0);
        assert_true(rig->counters.composed_again - again >= (n > 0));
        const uint64_t leaves = time->composed + time->plan.ready;
        // The time of the last composing, which began after all hold-ups but the last.
        assert_true(leaves - began >= (n > 0 ? 20000000 * (uint64_t)(n - (n == 2)) : 0));
        assert_int_equal(memory_port_launch(rig->port),
                         launch_at(&rig->core.own_clock.line, leaves));
        assert_true(u64(reply + 40) <= clock_utc(&rig->state.line, leaves));
        assert_true(n < 2 || rig->core.batch.burst.tx_last >= leaves);
    }
    rig_close(rig);
}

// What the device tells of a departure is counted instead of the estimate. One frame that left
// before its launch time, and the device does not get another.
static void a_device_that_sends_early_is_not_trusted(void **state)
{
    (void)state;
    struct rig *rig = open_launching();
    const struct stamp_line *line = &rig->core.own_clock.line;
    for (unsigned early = 0; early < 2; early++) {
        memory_port_sample(rig->port, 0, 0); // not known yet
        push(rig, 1);
        assert_true(core_turn(&rig->core));
        assert_false(core_turn(&rig->core));
        assert_true(rig->core.time.sample.waiting);
        const uint64_t said = launch_at(line, rig->core.time.sample.said);
        // A departure that is still to come is no reading of this clock.
        memory_port_sample(rig->port, 1, launch_at(line, tsc_now() + (UINT64_C(1) << 50)));
        const struct turn_sample sample = rig->core.time.sample;
        assert_false(core_turn(&rig->core));
        assert_int_equal(rig->counters.departures_sampled, early);
        rig->core.time.sample = sample;
        tsc_wait(tsc_now(), sample.said);
        memory_port_sample(rig->port, 1, early ? said - 250 : said - 150);
        assert_false(core_turn(&rig->core));
        assert_false(rig->core.time.sample.waiting);
        assert_int_equal(rig->counters.departures_sampled, 1 + early);
        assert_int_equal(rig->counters.departures_early, early);
        assert_int_equal(rig->core.time.launches, !early);
    }
    // A stamp from before the send call is another frame's.
    memory_port_sample(rig->port, 0, 0);
    push(rig, 1);
    assert_true(core_turn(&rig->core));
    memory_port_sample(rig->port, 1, launch_at(line, rig->core.time.sample.began) - 1000000);
    assert_false(core_turn(&rig->core));
    assert_int_equal(rig->counters.departures_sampled, 2);

    memory_port_sample(rig->port, -1, 0);
    push(rig, 1);
    assert_true(core_turn(&rig->core));
    assert_int_equal(memory_port_launch(rig->port), 0);
    assert_false(core_turn(&rig->core));
    assert_int_equal(rig->counters.departures_sampled, 2);
    while (memory_port_take(rig->port, reply, NULL) > 0)
        continue;
    rig_close(rig);
}

int main(void)
{
    if (rig_skips())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_say_when_the_device_lets_them_go),
        cmocka_unit_test(without_a_line_the_port_waits),
        cmocka_unit_test(late_replies_are_sealed_again),
        cmocka_unit_test(a_device_that_sends_early_is_not_trusted),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("core_launch", tests, NULL, NULL);
}
