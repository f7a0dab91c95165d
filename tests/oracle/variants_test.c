// Every variant sends exactly the octets of the slow path: random bursts go through two cores
// that share keys, clock and random octets, one of them with the exchange one lane at a time.
// Whether what they send is right is equal_test's matter.
//
//   variants_test [REQUESTS [SEED]]     a variant; the seed that failed is printed
#include "dataplane/core.h"
#include "tests/client/octets.h"
#include "tests/crypto/exchange_reference.h"
#include "tests/dataplane/memory_port.h"
#include "tests/dataplane/policy_123.h"
#include "tests/oracle/envelope.h"
#include "tests/oracle/generator.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdlib.h>
#include <string.h>

static unsigned requests = 5000;
static uint64_t seed = 1;

// Lanes that a core has given to the exchange, and those that were genuine.
static uint64_t lanes, genuine;

static bool always(void)
{
    return true;
}

static lane_set run_slowly(struct exchange *x, lane_set which)
{
    lane_set proven = reference_run(x, which);
    lanes += lane_count(which);
    genuine += lane_count(proven);
    return proven;
}

static const struct exchange_variant one_at_a_time = {"one at a time", always, run_slowly};

// A core with a clock that stands still.
struct side {
    struct core core;
    struct port *port;
    struct core_counters counters;
    struct snapshot keyring, ntp_state, stamps;
};

struct pair {
    struct side slow, fast;
    struct reference_ring ring;
};

static void side_open(struct side *side, const struct exchange_variant *variant)
{
    static const uint8_t random[RNG_SEED_LEN];
    const struct ntp_state state = {
        .line = {.utc_base = UINT64_C(0xe800000080000000), .rate = 0},
        .tsc_hz = UINT64_C(1) << 62,
        .void_after = UINT64_C(1) << 62,
        .leap = LEAP_NONE,
        .stratum = 1,
        .precision = -24,
        .serving = 1,
    };
    memset(side, 0, sizeof *side);
    side->port = memory_port_open(NULL);
    core_open(&side->core, &(struct core_setup){
                               .port = side->port,
                               .keyring = &side->keyring,
                               .ntp_state = &side->ntp_state,
                               .stamps = &side->stamps,
                               .counters = &side->counters,
                               .kernels = {{variant}},
                               .policy = &policy_123,
                           });
    rng_reseed(&side->core.rng, random);
    // A time that stands still is none that a reader of the board takes.
    ntp_state_publish(&side->ntp_state, &state);
    side->core.state = (struct ntp_state_view){.seen = 1, .state = state};
}

static void side_close(struct side *side)
{
    core_close(&side->core);
    memory_port_close(side->port);
}

// New keys, or another one current.
static void rotate(struct pair *pair)
{
    if (pair->ring.n == 0 || generator_pick(2) == 0)
        generator_ring(&pair->ring);
    pair->ring.current = generator_pick(pair->ring.n);
    struct keyring_record record = {.n = pair->ring.n, .current = pair->ring.current};
    for (unsigned i = 0; i < pair->ring.n; i++) {
        record.entry[i].id = pair->ring.key[i].id;
        memcpy(record.entry[i].secret, pair->ring.key[i].secret, COOKIE_KEY_LEN);
    }
    keyring_publish(&pair->slow.keyring, &record);
    keyring_publish(&pair->fast.keyring, &record);
}

static void push(struct pair *pair)
{
    struct sample sample;
    uint8_t frame[ENVELOPE_MAX];
    size_t payload_len;
    enum outcome ended;
    generator_make(&pair->ring, &sample);
    struct envelope envelope = {
        .v6 = generator_pick(3) == 0,
        .anybody = true,
        .tags = generator_pick(4) == 0 ? 1 + generator_pick(2) : 0,
        .source_port = sample.source_port,
    };
    uint32_t len =
        (uint32_t)envelope_wrap(&envelope, sample.at, sample.len, frame, &payload_len, &ended);
    assert_true(memory_port_push(pair->slow.port, frame, len));
    assert_true(memory_port_push(pair->fast.port, frame, len));
}

// Runs a burst through both and compares what they send. The buffers hold other octets before.
static void burst(struct pair *pair, unsigned n)
{
    static uint8_t wanted[UINT16_MAX], got[UINT16_MAX];
    for (unsigned i = 0; i < n; i++)
        push(pair);
    memory_port_poison(pair->slow.port, 0xa5);
    memory_port_poison(pair->fast.port, 0x5a);
    assert_true(core_turn(&pair->slow.core));
    assert_true(core_turn(&pair->fast.core));
    uint32_t len;
    do {
        uint64_t to = 0, to_fast = 0;
        len = memory_port_take(pair->slow.port, wanted, &to);
        if (memory_port_take(pair->fast.port, got, &to_fast) != len || to != to_fast ||
            memcmp(got, wanted, len) != 0)
            fail_msg("seed %lu: request %lu gets another reply", seed, to);
    } while (len > 0);
    for (unsigned i = 0; i < OUTCOMES; i++)
        assert_int_equal(pair->fast.counters.outcome[i], pair->slow.counters.outcome[i]);
    assert_int_equal(pair->fast.counters.cookies_sealed, pair->slow.counters.cookies_sealed);
    assert_int_equal(memory_port_lent(pair->fast.port), 0);
}

static void sends_the_same(void **state)
{
    const struct exchange_variant *variant = *state;
    static struct pair pair;
    pair.ring.n = 0;
    side_open(&pair.slow, &one_at_a_time);
    side_open(&pair.fast, variant);
    octets_seed(seed);
    lanes = genuine = 0;
    unsigned done = 0;
    for (unsigned turn = 0; done < requests; turn++) {
        unsigned n = 1 + generator_pick(generator_pick(3) == 0 ? 3 : LANES);
        if (turn % 40 == 0)
            rotate(&pair);
        burst(&pair, n);
        done += n;
    }
    print_message("# %s: %u requests, %lu lanes of the exchange, %lu of them genuine\n",
                  variant->name, done, lanes, genuine);
    assert_true(lanes > done / 10 && genuine > lanes / 4 && genuine < lanes);
    side_close(&pair.slow);
    side_close(&pair.fast);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        requests = (unsigned)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        seed = strtoull(argv[2], NULL, 10);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    struct CMUnitTest tests[16];
    char names[16][64];
    size_t n = 0;
    for (unsigned i = 0; n < 16 && exchange_variants[AEAD_SIV_CMAC_256][i] != NULL; i++) {
        const struct exchange_variant *variant = exchange_variants[AEAD_SIV_CMAC_256][i];
        if (!variant->usable())
            continue;
        snprintf(names[n], sizeof names[n], "sends what the slow path would: %s", variant->name);
        tests[n] =
            (struct CMUnitTest){names[n], sends_the_same, NULL, NULL, (void *)(uintptr_t)variant};
        n++;
    }
    return _cmocka_run_group_tests("variants", tests, n, NULL, NULL);
}
