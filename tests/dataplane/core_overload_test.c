// The overload ladder in a whole core: what is left out on each rung, and who is noted as refused.
// The pressure is set by hand: what time does to it is in stage/overload_test.c.
#include "base/tsc.h"
#include "tests/dataplane/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct admit_settings ladder = {.on = true, .overload = true, .plain = {50000, 60000}};

static struct rig *rig;
static struct admit limits;
static struct admit_tables *tables;
static struct limited_sources limited;
static struct policy policy;
static struct policy_place place;
static uint8_t reply[PACKET_MAX];

// With so many ticks a second. SLOW: a millisecond lasts longer than any test.
#define SLOW (UINT64_C(1) << 44)

static void open_at(struct admit_settings settings, uint64_t tsc_hz)
{
    rig = rig_open("auto", NULL);
    rig->state.tsc_hz = tsc_hz;
    rig_publish_state(rig);
    core_refresh(&rig->core);
    tables = aligned_alloc(64, sizeof *tables);
    assert_non_null(tables);
    memset(tables, 0, sizeof *tables);
    memset(&limited, 0, sizeof limited);
    admit_open(&limits, tables, &limited);
    policy = (struct policy){.udp_port = 123, .limits = settings};
    atomic_store(&place.now, &policy);
    rig->core.is.policy = &place;
    rig->core.is.admit = &limits;
    policy_take(&place, &rig->core.policy);
}

static void open_with(struct admit_settings settings)
{
    open_at(settings, SLOW);
}

static void close_all(void)
{
    rig_close(rig);
    free(tables);
}

// How many of n requests are answered while the pressure is so high.
static unsigned ask(uint64_t ms, const struct packet *ntp, uint8_t host, unsigned n)
{
    struct frame_shape shape = frame_default;
    unsigned answered = 0;
    shape.source[3] = host;
    for (unsigned i = 0; i < n; i++) {
        limits.pressure.pressure = ms * (rig->core.state.state.tsc_hz / 1000);
        limits.pressure.seen = tsc_now();
        answered += rig_ask_in(rig, &shape, ntp, reply) != 0;
    }
    return answered;
}

static struct packet request_of(bool genuine)
{
    const struct client client = client_new(1, &rig->ring.entry[rig->ring.current]);
    struct packet ntp = client_request(&client, &request_default);
    ntp.at[ntp.len - 1] ^= !genuine;
    return ntp;
}

static void first_no_naks(void **state)
{
    (void)state;
    open_with(ladder);
    const struct packet good = request_of(true), bad = request_of(false), plain = packet_ntp(4, 3);
    assert_int_equal(ask(0, &bad, 1, 10), 10);
    assert_int_equal(rig_count(rig, ANSWERED_NAK), 10);
    assert_int_equal(rig->counters.overload[0], 0);
    assert_int_equal(ask(3, &bad, 1, 10), 0);
    assert_int_equal(rig_count(rig, DROPPED_OVERLOAD), 10);
    assert_int_equal(ask(3, &good, 1, 10), 10);
    assert_int_equal(ask(3, &plain, 1, 10), 10);
    assert_int_equal(rig->counters.overload[0], 30);
    assert_int_equal(rig->counters.overload_rung, 1);
    assert_true(tsc_now() - rig->counters.overload_tsc < rig->core.state.state.tsc_hz);
    assert_true(rig_sums_agree(rig));
    close_all();
}

static void no_kisses_either(void **state)
{
    (void)state;
    struct admit_settings settings = ladder;
    settings.plain = (struct admit_rate){16, 64};
    settings.kod = true;
    open_with(settings);
    const struct packet plain = packet_ntp(4, 3);
    ask(0, &plain, 1, 1000);
    const uint64_t kisses = rig_count(rig, ANSWERED_KISS);
    assert_true(kisses > 0);
    limits.kisses.empty -= UINT64_MAX / 8; // the budget is full again
    assert_int_equal(ask(3, &plain, 1, 10), 0);
    assert_int_equal(rig_count(rig, ANSWERED_KISS), kisses);
    close_all();
}

static void then_only_the_leak_of_counted_sources(void **state)
{
    (void)state;
    struct admit_settings settings = ladder;
    settings.leak = ADMIT_LEAK_ONE / 4;
    open_with(settings);
    const struct packet plain = packet_ntp(4, 3);
    assert_int_equal(ask(0, &plain, 1, 400), 400); // it has an account now
    assert_in_range(ask(10, &plain, 1, 4000), 850, 1150);
    assert_int_equal(ask(10, &plain, 2, 2), 2); // not counted, but in one of eight cases
    const struct packet good = request_of(true);
    assert_int_equal(ask(10, &good, 1, 100), 100);
    assert_int_equal(rig->counters.overload_rung, 2);
    close_all();
}

static void then_a_share_of_all(void **state)
{
    (void)state;
    struct admit_settings settings = ladder;
    settings.plain.per_second = 0; // no source is counted
    open_with(settings);
    const struct packet plain = packet_ntp(4, 3), good = request_of(true);
    assert_int_equal(ask(10, &plain, 1, 100), 100);
    assert_in_range(ask(25, &plain, 1, 2000), 850, 1150);
    assert_in_range(ask(OVERLOAD_MOST_MS, &plain, 1, 10000), 10, 90); // 39 on average
    assert_int_equal(ask(OVERLOAD_MOST_MS, &good, 1, 100), 100);
    assert_int_equal(rig_count(rig, DROPPED_OVERLOAD) + rig_count(rig, ANSWERED_PLAIN), 12100);
    assert_int_equal(rig->counters.overload_rung, 3);
    close_all();
}

static void a_dry_run_counts(void **state)
{
    (void)state;
    struct admit_settings settings = ladder;
    settings.dry_run = true;
    open_with(settings);
    const struct packet plain = packet_ntp(4, 3), bad = request_of(false);
    assert_int_equal(ask(OVERLOAD_MOST_MS, &plain, 1, 100), 100);
    assert_int_equal(ask(OVERLOAD_MOST_MS, &bad, 1, 100), 100);
    assert_in_range(rig->counters.dry_overload, 190, 200);
    assert_int_equal(rig_count(rig, DROPPED_OVERLOAD), 0);
    close_all();
}

static void without_the_ladder_nothing_is_left_out(void **state)
{
    (void)state;
    struct admit_settings settings = ladder;
    settings.overload = false;
    open_with(settings);
    const struct packet plain = packet_ntp(4, 3), bad = request_of(false);
    assert_int_equal(ask(OVERLOAD_MOST_MS, &plain, 1, 100), 100);
    assert_int_equal(ask(OVERLOAD_MOST_MS, &bad, 1, 100), 100);
    assert_int_equal(rig->counters.overload_tsc, 0);
    close_all();
}

// A core that is given full bursts without end comes under pressure by itself.
static void full_bursts_are_pressure(void **state)
{
    (void)state;
    open_at(ladder, 1000000000);
    const struct packet ntp = request_of(false);
    const struct packet frame = frame_around(&frame_default, ntp.at, ntp.len);
    for (unsigned turn = 0; turn < 100000 && rig->counters.overload[0] == 0; turn++) {
        for (unsigned i = 0; i < LANES; i++)
            assert_true(memory_port_push(rig->port, frame.at, frame.len));
        assert_true(core_turn(&rig->core));
        uint64_t request;
        while (memory_port_take(rig->port, reply, &request) != 0)
            continue;
    }
    assert_true(rig->counters.overload[0] > 0);
    close_all();
}

static void refused_sources_are_noted(void **state)
{
    (void)state;
    struct admit_settings settings = ladder;
    settings.plain = (struct admit_rate){16, 64};
    open_with(settings);
    const struct packet plain = packet_ntp(4, 3);
    struct limited_source out[LIMITED_SOURCES];
    ask(0, &plain, 9, 10);
    assert_int_equal(limited_read(&limited, out), 0);
    ask(0, &plain, 1, 20000);
    assert_int_equal(limited_read(&limited, out), 1);
    assert_int_equal(out[0].by, LIMITED_PLAIN);
    assert_int_equal(out[0].v6, 0);
    assert_int_equal(out[0].prefix & 0xff, 1);
    assert_in_range(out[0].n, 12000, 28000); // of 20,000, of which one in 64 was noted
    close_all();
}

int main(void)
{
    if (rig_skips())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_no_naks),
        cmocka_unit_test(no_kisses_either),
        cmocka_unit_test(then_only_the_leak_of_counted_sources),
        cmocka_unit_test(then_a_share_of_all),
        cmocka_unit_test(a_dry_run_counts),
        cmocka_unit_test(without_the_ladder_nothing_is_left_out),
        cmocka_unit_test(full_bursts_are_pressure),
        cmocka_unit_test(refused_sources_are_noted),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
