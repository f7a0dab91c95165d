// The limits over time, with simulated time and sources: what an attacker may get, and what others
// keep. The stage alone, without crypto: the test says which requests are genuine, and whose. Whole
// cores are in limits_test.c. `admit_test 60` is the long form: so many seconds of flood.
#include "dataplane/stage/admit.h"

#include "base/bytes.h"
#include "crypto/cookie_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HZ UINT64_C(2600000000)
#define DAY (UINT64_C(86400) * HZ)

enum { MS = 2600000, FRAME_LEN = 128, PAYLOAD_AT = 48, COOKIE_AT = 4, N_COOKIE = 100, KEY_LEN = 8 };

static unsigned flood_seconds = 1;

static const struct admit_settings usual = {
    .on = true,
    .plain = {64, 256},
    .session = {16, 64},
    .limits_naks = true,
    .naks_per_second = 10000,
};

// A core's limits, and the burst that they judge.
struct world {
    struct admit admit;
    struct admit_tables *tables;
    struct admit_settings settings;
    struct core_counters counters;
    struct admit_turn turn;
    struct rng rng;
    struct batch batch;
    uint8_t frame[LANES][FRAME_LEN];
};

static struct world *open_world(struct admit_settings settings)
{
    struct world *w = aligned_alloc(64, (sizeof *w + 63) / 64 * 64);
    assert_non_null(w);
    memset(w, 0, sizeof *w);
    w->tables = aligned_alloc(64, sizeof *w->tables);
    assert_non_null(w->tables);
    memset(w->tables, 0, sizeof *w->tables);
    admit_open(&w->admit, w->tables, NULL);
    w->settings = settings;
    w->turn = (struct admit_turn){
        .settings = &w->settings, .counters = &w->counters, .tsc = 100 * DAY, .tsc_hz = HZ};
    static const uint8_t seed[RNG_SEED_LEN] = {7};
    rng_init(&w->rng);
    rng_reseed(&w->rng, seed);
    for (unsigned i = 0; i < LANES; i++) {
        w->batch.burst.frame[i] = w->frame[i];
        w->batch.datagram[i].payload_at = PAYLOAD_AT;
        w->batch.datagram[i].payload_len = FRAME_LEN - PAYLOAD_AT;
    }
    return w;
}

static void close_world(struct world *w)
{
    free(w->tables);
    free(w);
}

static void pass(struct world *w, uint64_t ticks)
{
    w->turn.tsc += ticks;
}

static void from_v4(struct world *w, unsigned lane, uint32_t address)
{
    w->batch.datagram[lane].ip_version = 4;
    be32_put(w->frame[lane] + 12, address);
    be32_put(w->frame[lane] + 16, 0xc0000201); // the destination, which must not matter
    w->frame[lane][16 + address % 4] ^= (uint8_t)w->turn.tsc;
}

static void from_v6(struct world *w, unsigned lane, uint64_t prefix, uint64_t host)
{
    w->batch.datagram[lane].ip_version = 6;
    be64_put(w->frame[lane] + 8, prefix);
    be64_put(w->frame[lane] + 16, host);
}

// The session and the cookie of a lane.
static void of_session(struct world *w, unsigned lane, uint64_t session, uint64_t nonce)
{
    w->batch.fields[lane].cookie = (struct field){.at = COOKIE_AT, .len = N_COOKIE};
    uint8_t *at = w->frame[lane] + PAYLOAD_AT + COOKIE_AT + FIELD_HEADER_LEN + COOKIE_NONCE_AT;
    be64_put(at, nonce * UINT64_C(0x9e3779b97f4a7c15));
    memset(w->admit.sessions.name[lane], 0, EXCHANGE_SESSION_LEN);
    memcpy(w->admit.sessions.name[lane], &(uint64_t){session * UINT64_C(0xff51afd7ed558ccd)},
           KEY_LEN);
}

static void begin(struct world *w)
{
    memset(w->batch.ended, 0, sizeof w->batch.ended);
    w->batch.kissed = 0;
}

// The lanes that are answered with the time, of requests without NTS.
static lane_set ask_plain(struct world *w, lane_set lanes)
{
    begin(w);
    return admit(&w->admit, &w->turn, &w->batch, (struct kinds){.plain = lanes}, &w->rng).plain &
           ~w->batch.kissed;
}

// Those that are answered, of requests with NTS.
static struct proof ask_nts(struct world *w, lane_set genuine, lane_set forged)
{
    begin(w);
    struct kinds kinds = {.secure = {genuine | forged}};
    kinds = admit(&w->admit, &w->turn, &w->batch, kinds, &w->rng);
    return admit_proven(
        &w->admit, &w->turn, &w->batch,
        (struct proof){.given = genuine & kinds.secure[0], .doubted = forged & kinds.secure[0]});
}

static unsigned ask_one(struct world *w, uint32_t address, unsigned n)
{
    unsigned answered = 0;
    for (unsigned i = 0; i < n; i++) {
        from_v4(w, 0, address);
        answered += ask_plain(w, 1) != 0;
    }
    return answered;
}

static unsigned ask_one_v6(struct world *w, uint64_t prefix, unsigned n)
{
    unsigned answered = 0;
    for (unsigned i = 0; i < n; i++) {
        from_v6(w, 0, prefix, i);
        answered += ask_plain(w, 1) != 0;
    }
    return answered;
}

static uint64_t random_word(void)
{
    static uint64_t state = 11;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return state >> 32 | state << 32;
}

enum { A = 0x0a000001, B = 0x0b000001 };

// Control measures the TSC's rate again and again: it differs by a little each time.
static void a_new_measurement_of_the_tsc_forgets_nothing(void **state)
{
    (void)state;
    struct world *w = open_world(usual);
    ask_one(w, A, 1000);
    assert_int_equal(ask_one(w, A, 100), 0);
    for (unsigned i = 0; i < 40; i++) {
        w->turn.tsc_hz = HZ + (i % 2 ? 2600 : -2600) + i; // a part in a million
        assert_int_equal(ask_one(w, A, 10), 0);
    }
    // And time goes on in the usual way, though a step is longer than a measurement lasts.
    unsigned n = 0;
    for (unsigned i = 0; i < 4000; i++) {
        pass(w, 5 * MS);
        w->turn.tsc_hz = HZ + i % 7;
        n += ask_one(w, A, 2);
    }
    assert_in_range(n, 20 * 64 * 95 / 100, 20 * 64 * 105 / 100);
    close_world(w);
}

static void a_reload_forgets_nothing(void **state)
{
    (void)state;
    static const struct admit_rate rates[] = {
        {32, 128}, {16, 4000}, {1000, 64}, {64, 256}, {64, 1000}};
    for (unsigned i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct world *w = open_world(usual);
        ask_one(w, A, 1000);
        w->settings.plain = rates[i];
        assert_int_equal(ask_one(w, A, 500), 0);
        unsigned n = 0;
        for (unsigned k = 0; k < 2000; k++) {
            pass(w, 10 * MS);
            n += ask_one(w, A, 20);
        }
        const unsigned steady = 20 * rates[i].per_second;
        assert_in_range(n, steady * 9 / 10, steady * 11 / 10);
        close_world(w);
    }
}

static void after_a_pause_the_whole_burst_is_back(void **state)
{
    (void)state;
    static const uint64_t pauses[] = {60 * HZ, DAY, 1000 * DAY};
    for (unsigned i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        struct world *w = open_world(usual);
        ask_one(w, A, 1000);
        pass(w, pauses[i]);
        assert_true(ask_one(w, A, 1000) >= 255);
        assert_int_equal(ask_one(w, A, 100), 0);
        close_world(w);
    }
}

static void time_that_goes_back_neither_forgets_nor_stops(void **state)
{
    (void)state;
    static const uint64_t back[] = {MS, HZ, 99 * DAY};
    for (unsigned i = 0; i < sizeof back / sizeof back[0]; i++) {
        struct world *w = open_world(usual);
        pass(w, 1000);
        ask_one(w, A, 1000);
        of_session(w, 0, 1, 1);
        for (unsigned k = 0; k < 2000; k++) // uses up the budget of NAKs
            ask_nts(w, 0, 1);
        w->admit.keyed = w->turn.tsc - back[i]; // else it takes new secrets, and forgets by that
        w->turn.tsc -= back[i];
        assert_int_equal(ask_one(w, A, 100), 0);
        unsigned n = 0, naks = 0;
        for (unsigned k = 0; k < 1000; k++) {
            pass(w, 4 * MS);
            n += ask_one(w, A, 2);
            from_v4(w, 0, B);
            naks += ask_nts(w, 0, 1).doubted != 0;
        }
        assert_in_range(n, 4 * 64 * 9 / 10, 4 * 64 * 11 / 10 + 1);
        assert_true(naks > 200);
        close_world(w);
    }
}

static void steps_may_wrap(void **state)
{
    (void)state;
    struct world *w = open_world(usual);
    ask_one(w, A, 1);
    w->admit.plain_pace.step = UINT32_MAX - 100;
    ask_one(w, A, 1000);
    unsigned n = 0;
    for (unsigned k = 0; k < 2000; k++) {
        pass(w, 10 * MS);
        n += ask_one(w, A, 2);
    }
    assert_true(w->admit.plain_pace.step < 1000); // it has wrapped
    assert_in_range(n, 20 * 64 * 95 / 100, 20 * 64 * 105 / 100);
    close_world(w);
}

static void prefixes_are_those_of_each_family(void **state)
{
    (void)state;
    struct world *w = open_world(usual);
    const uint64_t site = UINT64_C(0x20010db800050000);
    assert_in_range(ask_one_v6(w, site | 1, 2000), 256, 600); // a /64, many hosts in it
    assert_int_equal(ask_one_v6(w, site | 1, 100), 0);
    assert_int_equal(ask_one_v6(w, site | 2, 10), 10);                // the next /64
    assert_int_equal(ask_one_v6(w, site | 0x100, 10), 10);            // another octet
    assert_int_equal(ask_one_v6(w, (site ^ 0x10000) | 1, 10), 10);    // the next /48
    assert_int_equal(ask_one_v6(w, (site ^ 1ULL << 63) | 1, 10), 10); // the first octet

    assert_in_range(ask_one(w, 0x20010db8, 2000), 256, 600);
    assert_int_equal(ask_one(w, 0x20010db8, 100), 0);
    assert_int_equal(ask_one(w, 0x20010db9, 10), 10); // the next host
    assert_int_equal(ask_one(w, 0x20010cb8, 10), 10); // the next /24
    assert_int_equal(ask_one(w, 0xa0010db8, 10), 10);

    // The same octets in the other family are another source. The IPv4 header goes on with the
    // destination, which is not a part of the source.
    assert_in_range(ask_one_v6(w, UINT64_C(0x0a00000000000000), 2000), 256, 600);
    assert_int_equal(ask_one(w, 0x0a000000, 10), 10);
    close_world(w);
}

// F22: one request of a session, from a million addresses: 64 at once, then 16 a second.
static void a_replay_is_one_session(void **state)
{
    (void)state;
    enum { SECONDS = 20, A_BURST = 64 };
    struct world *w = open_world(usual);
    unsigned n = 0, first = 0;
    for (unsigned turn = 0; turn < SECONDS * 800; turn++) { // 51,200 a second
        for (unsigned i = 0; i < LANES; i++) {
            from_v4(w, i, (uint32_t)random_word());
            of_session(w, i, 5, 5);
        }
        const unsigned more = lane_count(ask_nts(w, ~(lane_set)0, 0).given);
        first += turn < 8 ? more : 0;
        n += more;
        pass(w, turn < 8 ? 0 : HZ / 800);
    }
    assert_int_equal(first, A_BURST); // never more, whoever it is
    assert_true(n <= A_BURST + SECONDS * 16);
    // Other sessions are not refused with it.
    unsigned others = 0;
    for (unsigned k = 0; k < 4; k++) {
        for (unsigned i = 0; i < LANES; i++)
            of_session(w, i, 1000 + i, 1000 + i);
        others += lane_count(ask_nts(w, ~(lane_set)0, 0).given);
    }
    assert_int_equal(others, 4 * LANES);
    close_world(w);
}

// Requests that are not genuine, each from its own of n hosts in turn, for ten seconds; beside them
// one client with lost cookies asks once a second. Returns the NAKs that all others got.
static unsigned flood_of_forgeries(struct world *w, unsigned n_hosts, unsigned per_turn,
                                   unsigned *client)
{
    enum { SECONDS = 10, TURNS = 4000 };
    unsigned naks = 0;
    *client = 0;
    for (unsigned turn = 0; turn < SECONDS * TURNS; turn++) {
        for (unsigned i = 0; i < per_turn; i++)
            from_v4(w, i, A + (turn * per_turn + i) % n_hosts * 256);
        naks += lane_count(ask_nts(w, 0, lane_first(per_turn)).doubted);
        if (turn % TURNS == 5) {
            from_v4(w, 0, 0x7a000001);
            *client += ask_nts(w, 0, 1).doubted != 0;
        }
        pass(w, HZ / TURNS);
    }
    return naks;
}

static void the_budget_bounds_all_naks(void **state)
{
    (void)state;
    enum { BUDGET = 10000, SECONDS = 10, MOST = BUDGET * SECONDS + BUDGET / 10 };
    unsigned client;
    // One host, 256,000 a second: it gets a small part of the budget, and others the rest.
    struct world *w = open_world(usual);
    const unsigned one = flood_of_forgeries(w, 1, 64, &client);
    const unsigned leaked = (unsigned)w->counters.leaked_nak;
    assert_in_range(leaked, MOST / ADMIT_NAK_LEAK * 9 / 10, MOST / ADMIT_NAK_LEAK);
    assert_in_range(one - leaked, SECONDS * 64, SECONDS * 64 + 256 + 400); // below its limit
    assert_int_equal(client, SECONDS);
    close_world(w);
    // Many, all above their limits.
    w = open_world(usual);
    assert_in_range(flood_of_forgeries(w, 300, 64, &client), 0, MOST);
    assert_int_equal(client, SECONDS);
    close_world(w);
    // Very many, all below them: what is left is the budget.
    w = open_world(usual);
    assert_in_range(flood_of_forgeries(w, 60000, 64, &client), MOST * 9 / 10, MOST);
    close_world(w);
    // Without limits of sources; and without any NAK.
    struct admit_settings settings = usual;
    settings.plain.per_second = 0;
    w = open_world(settings);
    assert_in_range(flood_of_forgeries(w, 1, 64, &client), MOST * 9 / 10, MOST);
    settings.naks_per_second = 0;
    w->settings = settings;
    assert_int_equal(flood_of_forgeries(w, 1, 64, &client), 0);
    close_world(w);
}

static void kisses_have_a_budget_too(void **state)
{
    (void)state;
    struct admit_settings settings = usual;
    settings.kod = true;
    struct world *w = open_world(settings);
    unsigned kisses = 0;
    for (unsigned turn = 0; turn < 10 * 1000; turn++) {
        for (unsigned i = 0; i < LANES; i++)
            from_v4(w, i, A + i * 256);
        ask_plain(w, ~(lane_set)0);
        kisses += lane_count(w->batch.kissed);
        pass(w, MS);
    }
    assert_in_range(kisses, 9 * ADMIT_KISSES_A_SECOND,
                    10 * ADMIT_KISSES_A_SECOND + ADMIT_KISSES_A_SECOND / 10);
    close_world(w);
}

// 10 M/s of random sources of both families. Beside them 64 hosts that send 16 a second each.
static void a_random_flood_refuses_no_innocent(void **state)
{
    (void)state;
    enum { TURNS = 10000000 / LANES, EACH = TURNS / 1000 };
    struct world *w = open_world(usual);
    unsigned refused = 0, innocent = 0;
    for (unsigned turn = 0; turn < flood_seconds * TURNS; turn++) {
        for (unsigned i = 0; i < LANES; i++) {
            const uint64_t random = random_word();
            if (random % 4 == 0)
                from_v6(w, i, UINT64_C(0x2000000000000000) | random >> 3, random);
            else
                from_v4(w, i, (uint32_t)random);
        }
        const bool theirs = turn % EACH == 0; // 1000 of 10 M, among 64
        const unsigned who = turn / EACH % 64;
        if (theirs && who % 2 == 0)
            from_v4(w, 31, 0xb0000001 + who * 256);
        else if (theirs)
            from_v6(w, 31, UINT64_C(0x20010db800000001) + (who << 16), 1);
        const lane_set lost = ~ask_plain(w, ~(lane_set)0);
        refused += lane_count(lost);
        innocent += theirs && (lost & lane_bit(31)) != 0;
        pass(w, HZ / TURNS);
    }
    assert_int_equal(innocent, 0);
    assert_int_equal(refused, 0);
    close_world(w);
}

// What a /24 gets whose hosts all send as much as they can: docs/limits.md has these figures.
static void a_network_never_gets_more_than_its_limit(void **state)
{
    (void)state;
    static const unsigned sizes[] = {1, 4, 8, 9, 12, 16, 24, 32, 64, 200};
    enum { SECONDS = 30, TURNS = 100, HOST = SECONDS * 64 + 256 };
    for (unsigned k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        struct world *w = open_world(usual);
        unsigned n = 0;
        for (unsigned turn = 0; turn < SECONDS * TURNS; turn++) {
            for (unsigned part = 0; part < 4; part++) { // 25,600 a second
                for (unsigned i = 0; i < LANES; i++)
                    from_v4(w, i, A - 1 + (uint32_t)(random_word() % sizes[k]));
                n += lane_count(ask_plain(w, ~(lane_set)0));
            }
            pass(w, HZ / TURNS);
        }
        print_message("# %u hosts: %.2f limits of a host\n", sizes[k], (double)n / HOST);
        assert_in_range(n, 0, HOST * LIMITER_HOSTS * 103 / 100);
        if (sizes[k] <= LIMITER_HOST_ACCOUNTS)
            assert_in_range(n, HOST * sizes[k] * 97 / 100, HOST * sizes[k] * 103 / 100 + 800);
        close_world(w);
    }
}

// The same requests to a dry run and to limits in force: what the first counts, the second drops.
static void a_dry_run_counts_what_would_be_dropped(void **state)
{
    (void)state;
    struct admit_settings settings = usual;
    settings.kod = settings.overload = true;
    settings.leak = ADMIT_LEAK_ONE / 4;
    struct world *real = open_world(settings), *dry = open_world(settings);
    dry->settings.dry_run = true;
    uint64_t dropped[OUTCOMES] = {0};
    for (unsigned turn = 0; turn < 60000; turn++) {
        struct world *const worlds[] = {real, dry};
        const lane_set genuine = random_word(), forged = ~genuine & random_word();
        const lane_set plain = ~genuine & ~forged;
        const uint64_t random = random_word();
        for (unsigned k = 0; k < 2; k++) {
            struct world *w = worlds[k];
            for (unsigned i = 0; i < LANES; i++) {
                const uint64_t own = random * (i + 1) >> 7;
                from_v4(w, i, A + (uint32_t)(own % 40) * 64);
                of_session(w, i, own % 30, own % 90);
            }
            w->turn.full = turn / 10000 % 2 ? 5 : 0; // overload comes and goes
            begin(w);
            struct kinds kinds = {.plain = plain, .secure = {genuine | forged}};
            kinds = admit(&w->admit, &w->turn, &w->batch, kinds, &w->rng);
            struct proof proof = {.given = genuine & kinds.secure[0],
                                  .doubted = forged & kinds.secure[0]};
            proof = admit_proven(&w->admit, &w->turn, &w->batch, proof);
            if (w == dry)
                assert_true(kinds.plain == plain && (proof.given | proof.doubted) == ~plain &&
                            w->batch.kissed == 0);
            pass(w, turn % 16 == 0 ? 9 * MS : MS / 8);
        }
        for (unsigned i = 0; i < OUTCOMES; i++)
            dropped[i] += lane_count(real->batch.ended[i]);
    }
    assert_true(dropped[DROPPED_PLAIN_LIMIT] > 1000 && dropped[DROPPED_SESSION_LIMIT] > 1000 &&
                dropped[DROPPED_NAK_LIMIT] > 1000 && dropped[DROPPED_OVERLOAD] > 1000);
    assert_int_equal(dry->counters.dry_plain, dropped[DROPPED_PLAIN_LIMIT]);
    assert_int_equal(dry->counters.dry_session, dropped[DROPPED_SESSION_LIMIT]);
    assert_int_equal(dry->counters.dry_nak, dropped[DROPPED_NAK_LIMIT]);
    assert_int_equal(dry->counters.dry_overload, dropped[DROPPED_OVERLOAD]);
    close_world(real);
    close_world(dry);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        flood_seconds = (unsigned)atoi(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_measurement_of_the_tsc_forgets_nothing),
        cmocka_unit_test(a_reload_forgets_nothing),
        cmocka_unit_test(after_a_pause_the_whole_burst_is_back),
        cmocka_unit_test(time_that_goes_back_neither_forgets_nor_stops),
        cmocka_unit_test(steps_may_wrap),
        cmocka_unit_test(prefixes_are_those_of_each_family),
        cmocka_unit_test(a_replay_is_one_session),
        cmocka_unit_test(the_budget_bounds_all_naks),
        cmocka_unit_test(kisses_have_a_budget_too),
        cmocka_unit_test(a_random_flood_refuses_no_innocent),
        cmocka_unit_test(a_network_never_gets_more_than_its_limit),
        cmocka_unit_test(a_dry_run_counts_what_would_be_dropped),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
