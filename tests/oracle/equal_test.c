// The fast server equals the slow one: random requests, valid or broken, go in random bursts
// through core_turn() and a port of memory, for every crypto variant that this machine can run.
// Outcome, counter and content must be the reference's; no reply is longer than its request
// (RSP-7); every frame ends in exactly one counter (P8).
//
//   equal_test [REQUESTS [SEED]]     a variant; the seed that failed is printed
#include "base/tsc.h"
#include "dataplane/core.h"
#include "tests/board/outcome_name.h"
#include "tests/client/octets.h"
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

// What the server may use in this run.
enum phase {
    PHASE_SERVING,
    PHASE_NO_CLOCK,
    PHASE_NO_KEYS,
    PHASE_UNSEEDED,
};

struct job {
    struct sample sample;
    struct envelope envelope;
    struct verdict verdict;
    enum outcome ended;
    size_t frame_len;
    size_t payload_len;
    uint8_t frame[ENVELOPE_MAX];
    bool answered;
};

struct bench {
    enum phase phase;
    bool anybody; // no set of addresses: what arrives is ours
    struct core core;
    struct port *port;
    struct core_counters counters;
    struct snapshot keyring, ntp_state, stamps;
    struct reference_ring ring;    // under which cookies are sealed
    struct reference_ring visible; // what the server knows
    struct ntp_state state;
    uint64_t pushed;
    uint64_t polled_tsc; // before the port was last asked in vain: what came is younger
    uint64_t stale;
    unsigned largest; // burst; less while the machine, or a sanitizer, is too slow for it
    struct job job[LANES];
};

static double tsc_hz;

static void measure_tsc(void)
{
    uint64_t start_ns = now_ns(), start = tsc_now();
    sleep_ms(50);
    tsc_hz = (double)(tsc_now() - start) * 1e9 / (double)(now_ns() - start_ns);
}

// Rotates: new keys, or another one current.
static void publish_keys(struct bench *b)
{
    if (generator_pick(2) == 0 || b->ring.n == 0)
        generator_ring(&b->ring);
    b->ring.current = generator_pick(b->ring.n);
    struct keyring_record record = {.n = b->ring.n, .current = b->ring.current};
    for (unsigned i = 0; i < b->ring.n; i++) {
        record.entry[i].id = b->ring.key[i].id;
        memcpy(record.entry[i].secret, b->ring.key[i].secret, COOKIE_KEY_LEN);
    }
    if (b->phase == PHASE_NO_KEYS)
        return;
    keyring_publish(&b->keyring, &record);
    b->visible = b->ring;
}

static void publish_state(struct bench *b)
{
    static const uint32_t id[] = {0x47505300, 0x54455354, 0x0a000001};
    if (b->phase == PHASE_NO_CLOCK)
        return;
    uint64_t tsc = tsc_now();
    octets_random(&b->state.reference_time, sizeof b->state.reference_time);
    b->state.line.tsc_base = tsc;
    b->state.line.utc_base = ntp_time_from_unix(1800000000 + generator_pick(1000), 0);
    b->state.line.rate =
        (uint64_t)((double)(UINT64_C(1) << CLOCK_RATE_SHIFT) * 4294967296.0 / tsc_hz);
    b->state.tsc_hz = (uint64_t)tsc_hz;
    b->state.written_tsc = tsc;
    b->state.void_after = tsc + 1 + generator_pick((uint32_t)tsc_hz);
    b->state.growth_ppb = generator_pick(1000000);
    b->state.root_delay = generator_pick(65536);
    b->state.root_dispersion = generator_pick(65536);
    b->state.reference_id = id[generator_pick(3)];
    b->state.leap = (uint8_t)generator_pick(4);
    b->state.stratum = (uint8_t)(1 + generator_pick(15));
    b->state.precision = (int8_t)(-29 + (int)generator_pick(12));
    b->state.serving = 1;
    ntp_state_publish(&b->ntp_state, &b->state);
}

// UTC by the line that the server was given.
static ntp_time utc(const struct bench *b, uint64_t tsc)
{
    if (!b->state.serving)
        return 0; // there is no line yet
    double seconds = (double)(int64_t)(tsc - b->state.line.tsc_base) / tsc_hz;
    return b->state.line.utc_base + (ntp_time)(int64_t)(seconds * 4294967296.0);
}

static void bench_open(struct bench *b, const struct exchange_variant *variant, enum phase phase,
                       bool anybody)
{
    static struct address_set ours = {.n_v4 = 1, .n_v6 = 1};
    memset(b, 0, sizeof *b);
    memcpy(ours.v4[0], envelope_server_v4, 4);
    memcpy(ours.v6[0], envelope_server_v6, 16);
    ours.mac = 0;
    for (unsigned i = 0; i < sizeof envelope_server_mac; i++)
        ours.mac = ours.mac << 8 | envelope_server_mac[i];
    b->phase = phase;
    b->largest = LANES;
    b->anybody = anybody;
    b->port = memory_port_open(anybody ? NULL : &ours);
    struct core_setup setup = {
        .port = b->port,
        .keyring = &b->keyring,
        .ntp_state = &b->ntp_state,
        .stamps = &b->stamps,
        .counters = &b->counters,
        .kernels = {{variant}},
        .policy = &policy_123,
    };
    core_open(&b->core, &setup);
    uint8_t random[RNG_SEED_LEN];
    octets_random(random, sizeof random);
    if (phase != PHASE_UNSEEDED)
        rng_reseed(&b->core.rng, random);
    publish_keys(b);
    publish_state(b);
    b->polled_tsc = tsc_now();
}

static void bench_close(struct bench *b)
{
    core_close(&b->core);
    memory_port_close(b->port);
}

// Makes a request and what must become of it.
static void prepare(struct bench *b, struct job *job)
{
    memset(job, 0, sizeof *job);
    generator_make(&b->ring, &job->sample);
    job->envelope = (struct envelope){
        .v6 = generator_pick(3) == 0,
        .anybody = b->anybody,
        .tags = generator_pick(4) == 0 ? 1 + generator_pick(2) : 0,
        .source_port = job->sample.source_port,
        .flaw = generator_pick(6) == 0 ? (enum envelope_flaw)generator_pick(FLAWS) : FLAW_NONE,
    };
    job->frame_len = envelope_wrap(&job->envelope, job->sample.at, job->sample.len, job->frame,
                                   &job->payload_len, &job->ended);
    if (job->frame_len > FRAME_MAX)
        job->ended = DROPPED_OVERSIZE;
    if (job->ended != OUTCOMES)
        return;
    reference_decide(&b->visible, job->sample.at, job->payload_len, job->sample.source_port,
                     &job->verdict);
    job->ended = job->verdict.outcome;
    bool provable = job->ended == ANSWERED_NTS || job->ended == ANSWERED_NAK ||
                    job->ended == DROPPED_NTS_CONTENT;
    if (b->phase == PHASE_UNSEEDED && provable)
        job->ended = DROPPED_NO_KEYS;
    if (b->phase == PHASE_NO_CLOCK && (provable || job->ended == ANSWERED_PLAIN))
        job->ended = DROPPED_NO_CLOCK;
}

static void complain(const struct job *job, const char *why)
{
    print_message("# seed %lu: %s\n# row: %s, flaw %d, IPv%d, source port %u, payload %zu:\n# ",
                  seed, why, row_text[job->verdict.row], job->envelope.flaw,
                  job->envelope.v6 ? 6 : 4, job->sample.source_port, job->payload_len);
    for (size_t i = 0; i < job->payload_len; i++)
        print_message("%02x", job->sample.at[i]);
    print_message("\n");
}

// Compares the replies with the verdicts; returns how many were wrong.
static unsigned compare_replies(struct bench *b, unsigned n, uint64_t first, uint64_t asked_tsc,
                                bool stale)
{
    unsigned wrong = 0;
    static uint8_t reply[65536];
    uint64_t which;
    size_t len;
    while ((len = memory_port_take(b->port, reply, &which)) > 0) {
        assert_true(which >= first && which - first < n);
        struct job *job = &b->job[which - first];
        const uint8_t *payload = reply;
        size_t payload_len = 0;
        const char *why = job->answered ? "a second answer" : NULL;
        job->answered = true;
        if (why == NULL && job->ended > ANSWERED_KISS)
            why = "an answer where there must be silence";
        if (why == NULL)
            why = envelope_fault(&job->envelope, job->frame, reply, len, &payload, &payload_len);
        if (why == NULL)
            why = reference_fault(&b->visible, &b->state, utc(b, b->polled_tsc), utc(b, asked_tsc),
                                  &job->verdict, job->sample.at, job->payload_len, payload,
                                  payload_len);
        if (why != NULL) {
            complain(job, why);
            wrong++;
        }
    }
    for (unsigned i = 0; i < n; i++)
        if (!b->job[i].answered && b->job[i].ended <= ANSWERED_KISS && !stale) {
            complain(&b->job[i], "silence where there must be an answer");
            wrong++;
        }
    return wrong;
}

// The counters say of the burst what the verdicts say.
static unsigned compare_counters(struct bench *b, unsigned n, const uint64_t *before, bool stale)
{
    uint64_t want[OUTCOMES] = {0};
    unsigned wrong = 0;
    uint64_t total = 0;
    for (unsigned i = 0; i < n; i++)
        want[b->job[i].ended]++;
    for (unsigned i = 0; i < OUTCOMES; i++) {
        uint64_t now = atomic_load(&b->counters.outcome[i]);
        total += now;
        if (now - before[i] == want[i] || stale)
            continue;
        wrong++;
        print_message("# %s: counted %lu, wanted %lu in a burst of %u\n",
                      outcome_name((enum outcome)i), now - before[i], want[i], n);
    }
    for (unsigned i = 0; wrong > 0 && i < n && n < 4; i++)
        complain(&b->job[i], outcome_name(b->job[i].ended));
    assert_int_equal(total, atomic_load(&b->counters.frames_received)); // P8
    assert_int_equal(total, b->pushed);
    uint64_t naks = 0;
    for (unsigned i = 0; i < NAK_CAUSES; i++)
        naks += atomic_load(&b->counters.nak[i]);
    assert_int_equal(naks, atomic_load(&b->counters.outcome[ANSWERED_NAK]));
    assert_int_equal(atomic_load(&b->counters.outcome[DROPPED_LONGER]), 0); // RSP-7
    assert_int_equal(memory_port_lent(b->port), 0);
    return wrong;
}

static unsigned burst(struct bench *b, unsigned n)
{
    uint64_t before[OUTCOMES];
    uint64_t first = b->pushed;
    for (unsigned i = 0; i < OUTCOMES; i++)
        before[i] = atomic_load(&b->counters.outcome[i]);
    for (unsigned i = 0; i < n; i++) {
        prepare(b, &b->job[i]);
        assert_true(memory_port_push(b->port, b->job[i].frame, (uint32_t)b->job[i].frame_len));
    }
    b->pushed += n;
    memory_port_poison(b->port, (uint8_t)generator_pick(256)); // CVE-2012-4503
    uint64_t asked_tsc;
    do
        asked_tsc = tsc_now();
    while (core_turn(&b->core));
    // A turn that was held up says nothing rather than a wrong time: not this test's matter.
    bool stale = atomic_load(&b->counters.outcome[DROPPED_STALE]) != before[DROPPED_STALE];
    b->stale += stale;
    unsigned wrong = compare_replies(b, n, first, asked_tsc, stale);
    b->polled_tsc = asked_tsc;
    return wrong + compare_counters(b, n, before, stale);
}

static void run(const struct exchange_variant *variant, enum phase phase, bool anybody,
                unsigned total)
{
    static struct bench b;
    unsigned wrong = 0;
    unsigned turns = 0;
    bench_open(&b, variant, phase, anybody);
    for (unsigned done = 0; done < total && wrong < 5; turns++) {
        unsigned n = generator_pick(3) == 0 ? 1 + generator_pick(3) : 1 + generator_pick(b.largest);
        uint64_t stale = b.stale;
        if (turns % 40 == 39)
            publish_keys(&b);
        if (turns % 25 == 24)
            publish_state(&b);
        wrong += burst(&b, n);
        if (b.stale != stale && n > 3)
            b.largest = n / 2;
        else if (b.largest < LANES)
            b.largest++;
        done += n;
    }
    print_message("# %s: %lu requests in %u bursts, %lu bursts held up\n", variant->name, b.pushed,
                  turns, b.stale);
    uint64_t received = b.pushed;
    uint64_t stale = b.stale;
    bench_close(&b);
    assert_int_equal(wrong, 0);
    assert_true(received >= total);
    assert_true(stale <= turns / 4); // or nothing would be proven
}

static void equals(void **state)
{
    octets_seed(seed);
    run(*state, PHASE_SERVING, false, requests - requests / 4);
    run(*state, PHASE_SERVING, true, requests / 4);
}

// Decision 12, CVE-2023-4012: before keys, clock or seed no NTS request is answered, with a NAK
// least of all, and a plain one is as soon as there is a clock (F23).
static void is_silent_until_ready(void **state)
{
    octets_seed(seed + 1);
    run(*state, PHASE_NO_KEYS, false, 2000);
    run(*state, PHASE_UNSEEDED, false, 2000);
    run(*state, PHASE_NO_CLOCK, false, 2000);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        requests = (unsigned)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        seed = strtoull(argv[2], NULL, 10);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    measure_tsc();
    struct CMUnitTest tests[32];
    char names[16][64];
    size_t n = 0;
    for (unsigned i = 0; i < 16 && exchange_variants[AEAD_SIV_CMAC_256][i] != NULL; i++) {
        const struct exchange_variant *variant = exchange_variants[AEAD_SIV_CMAC_256][i];
        if (!variant->usable())
            continue;
        snprintf(names[i], sizeof names[i], "equals the reference: %s", variant->name);
        tests[n++] = (struct CMUnitTest){names[i], equals, NULL, NULL, (void *)(uintptr_t)variant};
        tests[n++] = (struct CMUnitTest){"is silent until ready", is_silent_until_ready, NULL, NULL,
                                         (void *)(uintptr_t)variant};
    }
    return _cmocka_run_group_tests("equal", tests, n, NULL, NULL);
}
