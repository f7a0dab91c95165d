// What a core's replies say of time: when they leave, and what becomes of them when it is held up.
#include "tests/dataplane/rig.h"

#include "board/tsc.h"
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

// RSP-10, in part: the transmit timestamp is ahead of the moment of composing by what the last
// replies have cost; how near it comes to the wire takes a hardware stamp to say.
static void the_departure_is_foretold(void **state)
{
    (void)state;
    struct rig *rig = rig_open("auto", NULL);
    rig->state.line.rate = UINT64_C(1) << CLOCK_RATE_SHIFT; // a tick is 2^-32 s
    rig->state.line.tsc_base = tsc_now();
    rig->state.precision = -32; // no noise
    rig_publish_state(rig);
    struct packet ntp = packet_ntp(4, 3);
    unsigned class = departure_class(1, 0);
    for (unsigned i = 0; i < 50; i++) {
        uint64_t ahead = departure_expect(&rig->core.departure, class);
        assert_true(i == 0 || ahead > 0);
        assert_int_equal(rig_ask(rig, &ntp, reply), 48);
        uint64_t composed = clock_utc(&rig->state.line, rig->core.composed_tsc);
        assert_true(u64(reply + 40) == composed + ahead);
        assert_true(u64(reply + 32) == clock_utc(&rig->state.line, rig->core.arrived_tsc));
    }
    assert_int_equal(rig->core.departure.n[class], DEPARTURE_TRIALS);
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
    rig->core.work.variant = &slow;
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
    uint64_t away = rig->core.arrived_tsc;
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
    enum { WAITING = 2 * LANES + 2, HEADERS = 14 + 20 + 8 };
    struct rig *rig = rig_open("auto", NULL);
    rig->state.tsc_hz = UINT64_C(100000000000);
    rig->state.written_tsc = tsc_now();
    rig_publish_state(rig);
    struct packet ntp = packet_ntp(4, 3);
    struct packet frame = frame_around(&frame_default, ntp.at, ntp.len);
    core_turn(&rig->core);
    for (unsigned i = 0; i < WAITING; i++)
        assert_true(memory_port_push(rig->port, frame.at, frame.len));
    uint64_t away = rig->core.arrived_tsc;
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
        cmocka_unit_test(a_late_reply_is_composed_again),
        cmocka_unit_test(a_long_gap_widens_dispersion),
        cmocka_unit_test(a_long_gap_is_in_all_that_waited),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
