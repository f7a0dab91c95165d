// The times in a core's replies: when they leave, and the handling of a delayed core.
#include "tests/dataplane/rig.h"

#include "base/tsc.h"
#include "dataplane/clock/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uint8_t reply[PACKET_MAX];

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t u64(const uint8_t *at)
{
    return (uint64_t)u32(at) << 32 | u32(at + 4);
}

// A clock whose tick is 2^-32 s, without random bits.
static struct rig *open_exact(void)
{
    struct rig *rig = rig_open("auto", NULL);
    rig->state.line.rate = UINT64_C(1) << CLOCK_RATE_SHIFT;
    rig->state.line.tsc_base = tsc_now();
    rig->state.precision = -32;
    rig_publish_state(rig);
    return rig;
}

// RSP-10, RSP-12: the transmit timestamp is ahead of the moment of composing by what the last
// replies have cost, and no reply is sent before the port has waited for that.
static void the_departure_is_foretold(void **state)
{
    (void)state;
    struct rig *rig = open_exact();
    const struct turn_time *time = &rig->core.time;
    struct packet ntp = packet_ntp(4, 3);
    for (unsigned i = 0; i < 50; i++) {
        uint64_t ahead =
            departure_plan(&time->departure, rig->state.tsc_hz, 1, 0, DEPARTURE_BUSY).ready;
        assert_true(i <= DEPARTURE_TRIALS || ahead > 0); // the first look found none before it
        assert_int_equal(rig_ask(rig, &ntp, reply), 48);
        // Rounded down to an even, and up to an odd number.
        assert_true(u64(reply + 40) ==
                    (clock_utc(&rig->state.line, time->composed + ahead) & ~UINT64_C(1)));
        assert_true(u64(reply + 32) == (clock_utc(&rig->state.line, time->arrived) | 1));
        assert_true(time->composed + time->plan.ready <= rig->core.batch.burst.tx_last);
    }
    assert_int_equal(time->departure.busy.plain[0].n, DEPARTURE_TRIALS);
    rig_close(rig);
}

enum { HEADERS = 14 + 20 + 8 };

static void push(struct rig *rig, const struct packet *ntp, unsigned n)
{
    struct packet frame = frame_around(&frame_default, ntp->at, ntp->len);
    for (unsigned i = 0; i < n; i++)
        assert_true(memory_port_push(rig->port, frame.at, frame.len));
}

// RSP-12, RSP-14: the replies of a burst leave one after another, in the order of the lanes, and
// none before it says. A slow port gets them in parts of which each is composed when the one before
// has left; singly, as long as nothing presses.
static void a_burst_leaves_one_by_one(void **state)
{
    (void)state;
    enum { EACH = 30000 };
    struct rig *rig = open_exact();
    rig->state.tsc_hz = UINT64_C(30000000000); // 30,000 ticks are 1 us: a slow port
    rig->state.written_tsc = tsc_now();
    rig_publish_state(rig);
    memory_port_cost(rig->port, EACH);
    struct packet ntp = packet_ntp(4, 3);
    uint8_t out[PACKET_MAX];
    for (unsigned burst = 0; burst < 90; burst++) {
        // Two full bursts after a look that found nothing: calm, and then pressed.
        bool pressed = burst % 3 == 2;
        if (burst % 3 == 0) {
            core_turn(&rig->core);
            continue;
        }
        push(rig, &ntp, LANES);
        assert_true(core_turn(&rig->core));
        unsigned apart = 0;
        ntp_time last = 0;
        uint64_t request;
        uint64_t first = 0;
        for (unsigned i = 0; memory_port_take(rig->port, out, &request) > 0; i++) {
            first = i == 0 ? request : first;
            assert_int_equal(request, first + i);
            ntp_time transmit = u64(out + HEADERS + 40);
            uint64_t left = memory_port_left(rig->port, i) + EACH / 2; // amid its own time
            assert_true((int64_t)(clock_utc(&rig->state.line, left) - transmit) >= 0);
            apart += i > 0 && transmit - last > EACH / 2;
            last = transmit;
        }
        if (burst > 60) // once costs are known
            assert_int_equal(apart, pressed ? LANES / DEPARTURE_PART_PRESSED - 1 : LANES - 1);
        assert_true(rig_sums_agree(rig));
    }
    rig_close(rig);
}

// RSP-12: a reply that is composed and not sent leaves no gap in which the others, which are
// sealed, would leave earlier than they say.
static void what_is_not_sent_holds_the_others_back(void **state)
{
    (void)state;
    struct rig *rig = open_exact();
    rig->state.tsc_hz = UINT64_C(1000000000); // 10,000 ticks are 10 us: a port that sends slowly
    rig->state.written_tsc = tsc_now();
    rig_publish_state(rig);
    memory_port_cost(rig->port, 10000);
    struct packet ntp = packet_ntp(4, 3);
    uint8_t out[PACKET_MAX];
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(rig_ask(rig, &ntp, reply), 48);
    assert_true(
        departure_plan(&rig->core.time.departure, rig->state.tsc_hz, 1, 3, DEPARTURE_BUSY).pace >
        9000);
    // Genuine requests whose encrypted content is malformed are composed and end in silence.
    struct client client = client_new(1, &rig->ring.entry[0]);
    for (unsigned i = 0; i < 3; i++) {
        struct packet malformed = {.len = 8};
        malformed.at[1] = 4; // a field whose length is past the end
        malformed.at[2] = 0xff;
        struct request_shape shape = request_default;
        shape.sealed = &malformed;
        struct packet bad = client_request(&client, &shape);
        struct packet frame = frame_around(&frame_default, bad.at, bad.len);
        assert_true(memory_port_push(rig->port, frame.at, frame.len));
    }
    push(rig, &ntp, 1);
    assert_true(core_turn(&rig->core));
    assert_int_equal(rig_count(rig, DROPPED_NTS_CONTENT), 3);
    assert_true(memory_port_take(rig->port, out, NULL) > 0);
    uint64_t left = clock_utc(&rig->state.line, memory_port_left(rig->port, 3) + 10000);
    assert_true((int64_t)(left - u64(out + HEADERS + 40)) >= 0);
    rig_close(rig);
}

// Within what the rates of two lines are rounded to.
static bool is_near(ntp_time a, ntp_time b)
{
    return a - b + 20 <= 40;
}

static void publish_stamps(struct rig *rig, uint64_t now)
{
    const struct stamp_line line = {
        .stamp_base = 1000000000,
        .tsc_base = now,
        .rate = UINT64_C(10) << STAMP_RATE_SHIFT, // ten ticks a nanosecond
        .until = now + (UINT64_C(1) << 62),
        .bound_ns = 7,
    };
    snapshot_publish(&rig->stamps, &line, sizeof line);
}

// RSP-13: a request that waited says when it arrived where it bears a stamp, and its reply's
// dispersion is not wider for that.
static void a_stamp_says_when_it_arrived(void **state)
{
    (void)state;
    struct rig *rig = open_exact();
    rig->state.tsc_hz = UINT64_C(10000000000);
    rig->state.written_tsc = tsc_now();
    rig_publish_state(rig);
    uint64_t now = tsc_now();
    publish_stamps(rig, now);
    core_turn(&rig->core);
    // The core is away for 100 million ticks, 10 ms of such a clock; one came at each end.
    while (tsc_now() - now < UINT64_C(100000000)) {
    }
    struct packet ntp = packet_ntp(4, 3);
    uint8_t out[PACKET_MAX];
    const uint64_t stamp[LANES] = {1000000000 + 1000, 1000000000 + 9000000};
    memory_port_stamps(rig->port, 3, stamp);
    push(rig, &ntp, 2);
    assert_true(core_turn(&rig->core));
    for (unsigned i = 0; i < 2; i++) {
        assert_true(memory_port_take(rig->port, out, NULL) > 0);
        uint64_t wanted = clock_utc(&rig->state.line, now + (i == 0 ? 10000 : 90000000));
        assert_true(is_near(u64(out + HEADERS + 32), wanted));
        assert_in_range(u32(out + HEADERS + 8), 11, 13);
    }
    assert_int_equal(rig->core.batch.arrival[1].source, MOMENT_STAMP);
    assert_int_equal(rig->counters.stamps_refused, 0);
    rig_close(rig);
}

// F30: what the stamps' line may be wrong by is in the dispersion, for the oldest frame of the
// burst.
static void the_bound_of_the_stamps_is_told(void **state)
{
    (void)state;
    struct rig *rig = open_exact();
    rig->state.tsc_hz = UINT64_C(10000000000);
    rig->state.written_tsc = tsc_now();
    rig_publish_state(rig);
    uint64_t now = tsc_now();
    struct stamp_line line = {
        .stamp_base = UINT64_C(20000000000),
        .tsc_base = now,
        .rate = UINT64_C(10) << STAMP_RATE_SHIFT,
        .until = now + (UINT64_C(1) << 62),
        .bound_ns = 1000000,    // 65.5 units
        .growth_ppb = 10000000, // 10 ms a second
    };
    snapshot_publish(&rig->stamps, &line, sizeof line);
    struct packet ntp = packet_ntp(4, 3);
    uint8_t out[PACKET_MAX];
    const uint64_t stamp[LANES] = {line.stamp_base - UINT64_C(1000000000), line.stamp_base};
    memory_port_stamps(rig->port, 3, stamp);
    push(rig, &ntp, 2);
    assert_true(core_turn(&rig->core));
    for (unsigned i = 0; i < 2; i++) {
        assert_true(memory_port_take(rig->port, out, NULL) > 0);
        // 11, and 11 ms: 720.9; the test's own time adds to it.
        assert_in_range(u32(out + HEADERS + 8), 732, 5000);
    }
    rig_close(rig);
}

// F30: a stamp that cannot be, or none, and the frame counts as arrived when the core looked, with
// a dispersion that says since when that may have been.
static void without_a_good_stamp_dispersion_says_so(void **state)
{
    (void)state;
    struct rig *rig = open_exact();
    rig->state.tsc_hz = UINT64_C(10000000000);
    rig->state.written_tsc = tsc_now();
    rig_publish_state(rig);
    struct packet ntp = packet_ntp(4, 3);
    uint8_t out[PACKET_MAX];
    for (unsigned with_line = 0; with_line < 2; with_line++) {
        uint64_t now = tsc_now();
        if (with_line)
            publish_stamps(rig, now);
        core_turn(&rig->core);
        while (tsc_now() - now < UINT64_C(100000000)) {
        }
        // One good, one a second ahead, one without.
        const uint64_t stamp[LANES] = {1000000000 + 1000, UINT64_C(2000000000)};
        memory_port_stamps(rig->port, 3, stamp);
        push(rig, &ntp, 3);
        assert_true(core_turn(&rig->core));
        for (unsigned i = 0; i < 3; i++) {
            assert_true(memory_port_take(rig->port, out, NULL) > 0);
            bool good = with_line && i == 0;
            uint64_t tsc = good ? now + 10000 : rig->core.time.arrived;
            assert_true(is_near(u64(out + HEADERS + 32), clock_utc(&rig->state.line, tsc)));
            assert_true(u32(out + HEADERS + 8) >= 11 + 650); // of all in the burst
            assert_int_equal(rig->core.batch.arrival[i].source, good ? MOMENT_STAMP : MOMENT_POLL);
            assert_true(good || rig->core.batch.arrival[i].error_ns >= 9900000);
        }
        assert_int_equal(rig->counters.stamps_refused, with_line ? 3 : 2);
    }
    rig_close(rig);
}

// A kernel that is held up for 200 million ticks: n times, then never again.
static unsigned hold_ups;

static lane_set held_up(struct exchange *x, lane_set which)
{
    if (hold_ups > 0) {
        hold_ups--;
        for (uint64_t start = tsc_now(); tsc_now() - start < 200000000;) {
        }
    }
    return rig_variant("auto")->run(x, which);
}

static bool always(void)
{
    return true;
}

// F30: a core that is held up while it composes does so again, and then gives up: no reply leaves
// that says a wrong time.
static void a_late_reply_is_composed_again(void **state)
{
    (void)state;
    static const struct exchange_variant slow = {"held up", always, held_up};
    struct rig *rig = rig_open("auto", NULL);
    rig->state.tsc_hz = UINT64_C(10000000000); // ten milliseconds are 100 million ticks
    rig->state.written_tsc = tsc_now();
    rig_publish_state(rig);
    rig->core.work.kernels.of[AEAD_SIV_CMAC_256] = &slow;
    struct client client = client_new(1, &rig->ring.entry[0]);
    struct packet request = client_request(&client, &request_default);
    uint8_t cookies[8][100];
    hold_ups = 1;
    assert_int_equal(client_open(&client, &request, reply, rig_ask(rig, &request, reply), cookies),
                     1);
    assert_int_equal(hold_ups, 0);
    assert_int_equal(rig_count(rig, DROPPED_STALE), 0);

    hold_ups = 2;
    assert_int_equal(rig_ask(rig, &request, reply), 0);
    assert_int_equal(hold_ups, 0);
    assert_int_equal(rig_count(rig, DROPPED_STALE), 1);
    rig_close(rig);
}

// F30, F28: what waited while the core was away is answered with a dispersion that says so.
static void a_long_gap_widens_dispersion(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    rig->state.tsc_hz = UINT64_C(100000000000); // so that nothing here is late
    rig->state.written_tsc = tsc_now();
    rig_publish_state(rig);
    struct packet ntp = packet_ntp(4, 3);
    core_turn(&rig->core);
    assert_int_equal(rig_ask(rig, &ntp, reply), 48);
    uint32_t narrow = u32(reply + 8);
    uint64_t away = rig->core.time.arrived;
    while (tsc_now() - away < UINT64_C(100000000)) { // a thousandth of such a second
    }
    assert_int_equal(rig_ask(rig, &ntp, reply), 48);
    assert_true(u32(reply + 8) >= 11 + 65);
    assert_true(narrow < UINT32_C(0x00100000));
    rig_close(rig);
}

// F30: so is what waited behind the first burst of them.
static void a_long_gap_is_in_all_that_waited(void **state)
{
    (void)state;
    enum { WAITING = 2 * LANES + 2 };
    struct rig *rig = rig_open("auto", NULL);
    rig->state.tsc_hz = UINT64_C(100000000000);
    rig->state.written_tsc = tsc_now();
    rig_publish_state(rig);
    struct packet ntp = packet_ntp(4, 3);
    struct packet frame = frame_around(&frame_default, ntp.at, ntp.len);
    core_turn(&rig->core);
    for (unsigned i = 0; i < WAITING; i++)
        assert_true(memory_port_push(rig->port, frame.at, frame.len));
    uint64_t away = rig->core.time.arrived;
    while (tsc_now() - away < UINT64_C(100000000)) {
    }
    while (core_turn(&rig->core)) {
    }
    uint8_t out[PACKET_MAX];
    for (unsigned i = 0; i < WAITING; i++) {
        assert_int_equal(memory_port_take(rig->port, out, NULL), frame.len);
        assert_true(u32(out + HEADERS + 8) >= 11 + 65);
    }
    core_turn(&rig->core);
    assert_int_equal(rig_ask(rig, &ntp, reply), 48);
    assert_true(u32(reply + 8) < 11 + 65);
    rig_close(rig);
}

int main(void)
{
    if (rig_skips())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_departure_is_foretold),
        cmocka_unit_test(a_burst_leaves_one_by_one),
        cmocka_unit_test(what_is_not_sent_holds_the_others_back),
        cmocka_unit_test(a_stamp_says_when_it_arrived),
        cmocka_unit_test(the_bound_of_the_stamps_is_told),
        cmocka_unit_test(without_a_good_stamp_dispersion_says_so),
        cmocka_unit_test(a_late_reply_is_composed_again),
        cmocka_unit_test(a_long_gap_widens_dispersion),
        cmocka_unit_test(a_long_gap_is_in_all_that_waited),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
