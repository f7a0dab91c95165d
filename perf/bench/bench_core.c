// Measures the cost of one packet: the whole core_turn() over a port in memory, in full bursts, by
// stage. Plain NTP, also with interleaved mode switched on, and requests that ask for it in vain;
// NTS with one cookie and with eight, NTS that is not genuine, and garbage; plain NTP and NTS with
// limits (dataplane.limits), plain NTP above its limit and on two rungs of the overload ladder. One
// thread.
#include "base/tsc.h"
#include "dataplane/core.h"
#include "perf/bench/bench.h"
#include "perf/bench/floor_row.h"
#include "perf/bench/ring_port.h"
#include "perf/bench/stages.h"
#include "tests/dataplane/client.h"
#include "tests/dataplane/policy_123.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// A case: how its packets are made, and their outcome.
struct kind {
    const char *name;
    unsigned cookies; // in a reply
    void (*make)(const struct kind *kind, unsigned number, struct packet *ntp);
    enum outcome end;  // OUTCOMES: any drop
    bool takes_crypto; // the exchange's kernel runs
    bool stamped;
    bool interleaved; // interleaved mode is switched on: there are tables
    bool limited;     // there are limits, which no source is above
    // Of limited ones:
    bool refused;         // each source is above its limit
    unsigned pressure_ms; // of the overload ladder; 0: it is off
};

// The state of a row: its own core.
struct work {
    const struct kind *kind;
    struct snapshot keyring, ntp_state, stamps;
    struct core_counters counters;
    struct key_counters key_counters;
    struct core core;
    const struct exchange_variant *variant;
    struct policy policy;
    struct policy_place place;
    struct admit admit;
};

static const struct keyring_record *ring(void)
{
    static struct keyring_record record;
    if (record.n == 0)
        record = client_ring(3, 1);
    return &record;
}

static uint64_t random_word(void)
{
    static uint64_t state = 7;
    state = state * 6364136223846793005U + 1442695040888963407U;
    return state >> 32;
}

static void make_plain(const struct kind *kind, unsigned number, struct packet *ntp)
{
    (void)kind;
    *ntp = packet_ntp(4, 3);
    ntp->at[47] = (uint8_t)number;
}

// An origin that no reply ever had, but that looks like a receive timestamp of ours.
static void make_odd(const struct kind *kind, unsigned number, struct packet *ntp)
{
    make_plain(kind, number, ntp);
    for (unsigned i = 24; i < 40; i++)
        ntp->at[i] = (uint8_t)random_word();
    ntp->at[31] |= 1;
}

static void make_nts(const struct kind *kind, unsigned number, struct packet *ntp)
{
    // Under the current key, like nearly all cookies: they are younger than a rotation.
    struct client client = client_new(number, &ring()->entry[ring()->current]);
    struct request_shape shape = request_default;
    shape.n_placeholders = kind->cookies - 1;
    *ntp = client_request(&client, &shape);
}

static void make_badtag(const struct kind *kind, unsigned number, struct packet *ntp)
{
    make_nts(kind, number, ntp);
    ntp->at[ntp->len - 1 - number % 16] ^= (uint8_t)(1 << number % 8);
}

// A cookie whose key the server no longer has, or a forged cookie.
static void make_unknownkey(const struct kind *kind, unsigned number, struct packet *ntp)
{
    enum { KEY_ID_AT = 48 + 4 + 32 + 4 };
    make_nts(kind, number, ntp);
    ntp->at[KEY_ID_AT] ^= 0x40;
    ntp->at[KEY_ID_AT + 3] ^= (uint8_t)number;
}

static void make_noise(struct packet *ntp, uint32_t len)
{
    ntp->len = 0;
    for (uint32_t i = 0; i < len; i++)
        packet_fill(ntp, (uint8_t)random_word(), 1);
}

// Packets of typical floods of port 123: random octets, most of which have the wrong length for NTP
// and some only a wrong first octet; requests of scanners for amplifiers (modes 6 and 7); and large
// replies of amplifiers.
static void make_garbage(const struct kind *kind, unsigned number, struct packet *ntp)
{
    enum { LIST_LEN = 8 + 6 * 72 }; // six entries of a "monlist"
    (void)kind;
    switch (number % 4) {
    case 0:
        make_noise(ntp, (uint32_t)(random_word() % 512));
        break;
    case 1:
        make_noise(ntp, 48 + 4 * (uint32_t)(random_word() % 32));
        ntp->at[0] |= 0x04; // otherwise it may be a client request by chance, which is another case
        break;
    case 2:
        make_noise(ntp, random_word() % 2 ? 8 : 48);
        memcpy(ntp->at, random_word() % 2 ? "\x17\x00\x03\x2a" : "\x16\x02\x00\x01", 4);
        break;
    default:
        make_noise(ntp, LIST_LEN);
        memcpy(ntp->at, "\xd7\x00\x03\x2a\x00\x06\x00\x48", 8);
        break;
    }
}

static const struct kind kinds[] = {
    {"plain", 0, make_plain, ANSWERED_PLAIN, .takes_crypto = false},
    {"stamped", 0, make_plain, ANSWERED_PLAIN, .stamped = true}, // each frame has a stamp
    {"plain_on", 0, make_plain, ANSWERED_PLAIN, .interleaved = true},
    {"odd", 0, make_odd, ANSWERED_PLAIN, .interleaved = true},
    {"nts1", 1, make_nts, ANSWERED_NTS, .takes_crypto = true},
    {"nts8", 8, make_nts, ANSWERED_NTS, .takes_crypto = true},
    {"badtag", 1, make_badtag, ANSWERED_NAK, .takes_crypto = true},
    {"unknownkey", 1, make_unknownkey, ANSWERED_NAK, .takes_crypto = false},
    {"garbage", 0, make_garbage, OUTCOMES, .takes_crypto = false},
    {"plain_lim", 0, make_plain, ANSWERED_PLAIN, .limited = true},
    {"nts1_lim", 1, make_nts, ANSWERED_NTS, .takes_crypto = true, .limited = true},
    {"refused", 0, make_plain, DROPPED_PLAIN_LIMIT, .limited = true, .refused = true},
    {"rung1", 0, make_plain, ANSWERED_PLAIN, .limited = true, .pressure_ms = OVERLOAD_NO_NAKS_MS},
    {"rung2", 0, make_plain, DROPPED_OVERLOAD, .limited = true, .pressure_ms = OVERLOAD_LEAK_MS},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

// The port of a case: all its rows share the frames.
static struct port *port_of(const struct kind *kind)
{
    static struct port *ports[KINDS];
    struct port **port = &ports[kind - kinds];
    if (*port != NULL)
        return *port;
    *port = ring_port_open(NULL, kind->stamped);
    for (unsigned i = 0; i < RING_PORT_FRAMES; i++) {
        struct packet ntp;
        kind->make(kind, i, &ntp);
        struct frame_shape shape = frame_default;
        shape.source[2] = (uint8_t)(i >> 8);
        shape.source[3] = (uint8_t)(1 + i % 250);
        if (kind->limited) { // each from a network of its own
            shape.source[1] = (uint8_t)(i >> 8);
            shape.source[2] = (uint8_t)i;
        }
        shape.source_port = (uint16_t)(1024 + random_word() % 60000);
        struct packet frame = frame_around(&shape, ntp.at, ntp.len);
        ring_port_put(*port, i, frame.at, frame.len);
    }
    return *port;
}

static void prepare(void *with)
{
    struct work *w = with;
    ring_port_shuffle(w->core.is.port);
}

static void turn(void *with)
{
    struct work *w = with;
    core_turn(&w->core);
}

static void turn_by_stages(void *with, uint64_t ticks[BENCH_PARTS_MAX])
{
    struct work *w = with;
    const struct exchange_kernels kernels = w->core.work.kernels;
    w->core.work.kernels.of[0] = stages_variant(kernels.of[0]);
    stages_watch(ticks);
    core_turn(&w->core);
    stages_watch(NULL);
    w->core.work.kernels = kernels;
}

static void publish(struct work *w)
{
    struct ntp_state state = {
        .line = {.utc_base = UINT64_C(0xe800000080000000), .rate = UINT64_C(1) << 48},
        .tsc_hz = UINT64_C(1) << 62, // so that nothing ages or is late under a debugger
        .void_after = UINT64_C(1) << 62,
        .reference_time = UINT64_C(0xe7ffffff00000000),
        .reference_id = UINT32_C(0x47505300),
        .stratum = 1,
        .precision = -24,
        .serving = 1,
    };
    static const uint8_t seed[RNG_SEED_LEN] = {1};
    // The clock is so slow that no stamp becomes too old.
    const struct stamp_line line = {
        .tsc_base = tsc_now(),
        .rate = UINT64_C(1) << 62,
        .until = UINT64_C(1) << 62,
    };
    snapshot_publish(&w->stamps, &line, sizeof line);
    keyring_publish(&w->keyring, ring());
    ntp_state_publish(&w->ntp_state, &state);
    w->core.state =
        (struct ntp_state_view){.seen = 1, .state = state}; // a value that no reader replaces
    w->core.stamps = (struct stamp_line_view){.seen = 1, .line = line};
    rng_reseed(&w->core.rng, seed);
}

// Checks the outcomes of the packets; otherwise the figures would be meaningless.
static void try(struct work *w)
{
    uint64_t ended[OUTCOMES] = {0}, silent = 0;
    enum { KNOWN_AFTER = 500 }; // rounds in which each source has got an account
    for (unsigned i = 0; w->kind->limited && i < KNOWN_AFTER * RING_PORT_FRAMES / LANES; i++)
        core_turn(&w->core);
    memset(&w->counters, 0, sizeof w->counters);
    for (unsigned i = 0; i < RING_PORT_FRAMES / LANES; i++)
        core_turn(&w->core);
    for (unsigned i = 0; i < OUTCOMES; i++) {
        ended[i] = w->counters.outcome[i];
        silent += i > ANSWERED_KISS ? ended[i] : 0;
    }
    if (w->counters.stamps_refused != 0) {
        fprintf(stderr, "%s: stamps are refused\n", w->kind->name);
        exit(1);
    }
    if ((w->kind->end == OUTCOMES ? silent : ended[w->kind->end]) != RING_PORT_FRAMES) {
        fprintf(stderr, "%s: not all packets ended as they should\n", w->kind->name);
        exit(1);
    }
}

// The tables of one core, of the default size: all cases share them.
static const struct tables *tables_of(void)
{
    static struct table_pair pair;
    static struct tables tables = {.n_queues = 1, .of = {&pair}};
    struct table *const of[] = {&pair.plain, &pair.nts};
    for (unsigned i = 0; i < 2 && of[i]->bucket == NULL; i++) {
        void *zeros = aligned_alloc(4096, table_len(TABLE_BUCKETS_LOG2));
        if (!zeros) {
            perror("memory");
            exit(1);
        }
        memset(zeros, 0, table_len(TABLE_BUCKETS_LOG2));
        table_open(of[i], zeros, TABLE_BUCKETS_LOG2);
        table_set_secret(of[i], UINT64_C(0x9e3779b97f4a7c15));
    }
    return &tables;
}

// Limits that know all sources, as they do while a server is busy. Only their own time runs, and
// the pressure stays as it is.
static void limit(struct work *w)
{
    void *zeros = aligned_alloc(2 << 20, 2 << 20);
    if (!zeros) {
        perror("memory");
        exit(1);
    }
    madvise(zeros, 2 << 20, MADV_HUGEPAGE); // like the server's, where the system has one
    memset(zeros, 0, sizeof(struct admit_tables));
    admit_open(&w->admit, zeros, NULL);
    w->core.is.admit = &w->admit;
    const struct admit_rate high = {100000, LIMITER_BURST_MAX}; // no source reaches it
    w->policy = (struct policy){
        .udp_port = 123,
        .limits = {.on = true,
                   .plain = w->kind->refused ? (struct admit_rate){1, 1} : high,
                   .session = high,
                   .overload = w->kind->pressure_ms != 0},
    };
    w->admit.pressure.seen = tsc_now();
    w->admit.pressure.pressure = 3 * w->kind->pressure_ms * (w->core.state.state.tsc_hz / 1000);
    struct admit_pace *const pace[] = {&w->admit.plain_pace, &w->admit.session_pace};
    for (unsigned i = 0; i < 2; i++)
        *pace[i] = (struct admit_pace){
            .rate = i == 0 ? w->policy.limits.plain : w->policy.limits.session,
            .tsc_hz = w->core.state.state.tsc_hz,
            .each = w->kind->refused ? UINT64_C(1) << 62 : UINT64_C(1) << 24, // some milliseconds
            .since = tsc_now(),
            .price = limiter_price_of(w->kind->refused && i == 0 ? 1 : LIMITER_BURST_MAX),
        };
    atomic_store(&w->place.now, &w->policy);
    w->core.is.policy = &w->place;
    policy_take(&w->place, &w->core.policy);
}

static struct work *work_new(const struct kind *kind, const struct exchange_variant *variant)
{
    struct work *w = aligned_alloc(64, (sizeof *w + 63) / 64 * 64);
    if (!w) {
        perror("memory");
        exit(1);
    }
    memset(w, 0, sizeof *w);
    w->kind = kind;
    static struct unique_windows windows = {.window = 1};
    static struct unique_counter clients = {.windows = &windows};
    core_open(&w->core, &(struct core_setup){.port = port_of(kind),
                                             .keyring = &w->keyring,
                                             .ntp_state = &w->ntp_state,
                                             .stamps = &w->stamps,
                                             .counters = &w->counters,
                                             .key_counters = &w->key_counters,
                                             .kernels = {{variant}},
                                             .policy = &policy_123,
                                             .tables = kind->interleaved ? tables_of() : NULL,
                                             .clients = &clients});
    publish(w);
    if (kind->limited)
        limit(w);
    try(w);
    return w;
}

static void add(struct bench *bench, const struct kind *kind,
                const struct exchange_variant *variant)
{
    const char *name = kind->takes_crypto ? variant->name : "none";
    const struct bench_row *floor =
        kind->takes_crypto ? floor_row_add(bench, name, kind->cookies) : NULL;
    bench_add(bench, (struct bench_row){.variant = name,
                                        .name = kind->name,
                                        .cookies = kind->cookies,
                                        .batch = LANES,
                                        .work = turn,
                                        .with = work_new(kind, variant),
                                        .floor = floor,
                                        .prepare = prepare,
                                        .part = stage_names,
                                        .by_parts = turn_by_stages});
}

int main(int argc, char **argv)
{
    static struct bench bench;
    bench_open(
        &bench, argc, argv,
        "Times core_turn(), all that a core does for a packet between receiving and sending\n"
        "it, over a port of memory in bursts of 64, by stage. 'none' is what needs no crypto.");
    for (const struct kind *kind = kinds; kind < kinds + KINDS; kind++) {
        if (!kind->takes_crypto && bench_wants(&bench, "none"))
            add(&bench, kind, exchange_variant_named(0, "auto"));
    }
    for (const struct exchange_variant *const *v = exchange_variants[0]; *v != NULL; v++) {
        for (const struct kind *kind = kinds; kind < kinds + KINDS; kind++) {
            if (kind->takes_crypto && (*v)->usable() && bench_wants(&bench, (*v)->name))
                add(&bench, kind, *v);
        }
    }
    return bench_run(&bench);
}
