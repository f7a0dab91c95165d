// The exchange over many lanes: the batch kernel against the slow path, bad lanes in every
// position, each lane under its own keys.
#include "dataplane/stage/exchange.h"
#include "dataplane/stage/refuse.h"
#include "dataplane/stage/respond.h"
#include "dataplane/stage/slow.h"
#include "tests/crypto/registers_held.h"
#include "tests/dataplane/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// A batch of requests as if their frames had no headers. Requests and replies lie in allocations
// of their own length.
struct bed {
    struct batch batch;
    struct exchange_work work;
    struct rng rng;
    struct keyring_view keys;
    struct kinds kinds;
    struct keyring_record ring;
    struct packet request[LANES];
};

static struct bed *bed_open(void)
{
    struct bed *bed = aligned_alloc(64, (sizeof *bed + 63) / 64 * 64);
    assert_non_null(bed);
    memset(bed, 0, sizeof *bed);
    bed->ring = client_ring(KEYRING_KEYS, 3);
    struct snapshot *board = aligned_alloc(64, sizeof *board);
    assert_non_null(board);
    memset(board, 0, sizeof *board);
    keyring_publish(board, &bed->ring);
    assert_true(keyring_refresh(board, &bed->keys));
    free(board);
    return bed;
}

static void bed_close(struct bed *bed)
{
    for (unsigned i = 0; i < LANES; i++) {
        free(bed->batch.burst.frame[i]);
        free(bed->batch.burst.reply[i]);
    }
    free(bed);
}

static void put(struct bed *bed, unsigned lane, const struct packet *ntp)
{
    struct batch *b = &bed->batch;
    free(b->burst.frame[lane]);
    free(b->burst.reply[lane]);
    bed->request[lane] = *ntp;
    b->burst.frame[lane] = malloc(ntp->len);
    b->burst.reply[lane] = malloc(ntp->len);
    assert_non_null(b->burst.frame[lane]);
    assert_non_null(b->burst.reply[lane]);
    memcpy(b->burst.frame[lane], ntp->at, ntp->len);
    memset(b->burst.reply[lane], 0xa5, ntp->len);
    b->datagram[lane] = (struct datagram){.payload_len = (uint16_t)ntp->len, .source_port = 40000};
}

// Classifies, composes and exchanges all lanes; slowly: all of them on the slow path.
static struct proof run(struct bed *bed, const struct exchange_variant *variant, bool slowly)
{
    static const struct ntp_state state = {.stratum = 1, .precision = -24, .serving = 1};
    static const uint8_t seed[RNG_SEED_LEN] = {3};
    rng_init(&bed->rng);
    rng_reseed(&bed->rng, seed);
    memset(bed->batch.ended, 0, sizeof bed->batch.ended);
    memset(bed->batch.nak, 0, sizeof bed->batch.nak);
    bed->work.kernels.of[AEAD_SIV_CMAC_256] = variant;

    lane_set lanes = 0;
    for (unsigned i = 0; i < LANES; i++)
        lanes |= bed->batch.burst.frame[i] != NULL ? lane_bit(i) : 0;
    bed->kinds = classify(&bed->batch, lanes);
    lane_set nts = kinds_nts(bed->kinds);
    if (slowly)
        bed->kinds = (struct kinds){.plain = bed->kinds.plain, .slow = nts};
    const struct departures leave = {.first = UINT64_C(0xe8) << 56};
    struct receive_stamps stamps = {.mask = 1, .tag = 1};
    respond(&bed->batch, nts, &state, leave, &bed->rng, &stamps);
    return exchange(&bed->batch, bed->kinds, &bed->keys, &bed->rng, &bed->work);
}

// A request of one of many usual shapes.
static struct packet usual(const struct bed *bed, uint32_t number, struct client *client)
{
    *client = client_new(number, &bed->ring.entry[number % KEYRING_KEYS]);
    client->uid_len = 32 + number % 8 * 4;
    for (unsigned i = 32; i < client->uid_len; i++)
        client->uid[i] = (uint8_t)(number * i);
    struct request_shape shape = request_default;
    shape.n_placeholders = number % 9;
    return client_request(client, &shape);
}

static void each_variant(void (*body)(struct bed *, const struct exchange_variant *))
{
    for (const struct exchange_variant *const *v = exchange_variants[AEAD_SIV_CMAC_256]; *v != NULL;
         v++) {
        if (!(*v)->usable())
            continue;
        struct bed *bed = bed_open();
        body(bed, *v);
        bed_close(bed);
    }
}

// A core that has nothing to do afterwards keeps no key in its registers: neither a cookie key, nor
// what the cookies carried. Whole batches, single lanes, the slow path.
static void no_key_stays_in_a_register_under(struct bed *bed,
                                             const struct exchange_variant *variant)
{
    static uint8_t held[REGISTERS_MAX][REGISTER_WIDEST];
    static struct client client[LANES];
    for (unsigned i = 0; i < LANES; i++) {
        struct packet request = usual(bed, 2000 + i, &client[i]);
        put(bed, i, &request);
    }
    for (unsigned way = 0; way < 3; way++) {
        for (unsigned i = 1; way == 1 && i < LANES; i++) {
            free(bed->batch.burst.frame[i]);
            bed->batch.burst.frame[i] = NULL;
        }
        struct proof proof = run(bed, variant, way == 2);
        registers_read(held);
        assert_true(proof.given == (way == 0 ? ~(lane_set)0 : 1));
        for (unsigned i = 0; i < KEYRING_KEYS; i++) {
            assert_false(registers_hold(held, bed->keys.key[i].mac_schedule[0], 11 * 16));
            assert_false(registers_hold(held, bed->keys.key[i].ctr_schedule[0], 11 * 16));
        }
        for (unsigned i = 0; i < LANES; i++) {
            assert_false(registers_hold(held, client[i].c2s, 32));
            assert_false(registers_hold(held, client[i].s2c, 32));
        }
    }
}

static void no_key_stays_in_a_register(void **state)
{
    (void)state;
    each_variant(no_key_stays_in_a_register_under);
}

// RSP-2, RSP-3, NTS-2: 64 lanes of other clients, keys, shapes; every reply opens under its own
// S2C.
static void lanes_do_not_mix_under(struct bed *bed, const struct exchange_variant *variant)
{
    static struct client client[LANES];
    for (unsigned i = 0; i < LANES; i++) {
        struct packet request = usual(bed, 1000 + i, &client[i]);
        put(bed, i, &request);
    }
    struct proof proof = run(bed, variant, false);
    assert_true(bed->kinds.secure[AEAD_SIV_CMAC_256] == ~(lane_set)0);
    assert_true(proof.given == ~(lane_set)0 && proof.doubted == 0);
    for (unsigned i = 0; i < LANES; i++) {
        uint8_t cookies[8][100];
        uint32_t len = bed->batch.ntp_len[i];
        unsigned placeholders = (1000 + i) % 9;
        int n = client_open(&client[i], &bed->request[i], bed->batch.burst.reply[i], len, cookies);
        assert_int_equal(n, placeholders < 8 ? placeholders + 1 : 8);
        const struct client *other = &client[(i + 1) % LANES];
        struct client mixed = client[i];
        memcpy(mixed.s2c, other->s2c, 32);
        assert_int_equal(
            client_open(&mixed, &bed->request[i], bed->batch.burst.reply[i], len, cookies), -1);
        memcpy(mixed.s2c, client[i].c2s, 32); // NTS-2: not sealed under C2S
        assert_int_equal(
            client_open(&mixed, &bed->request[i], bed->batch.burst.reply[i], len, cookies), -1);
    }
}

static void lanes_do_not_mix(void **state)
{
    (void)state;
    each_variant(lanes_do_not_mix_under);
}

// The batch kernel and the slow path write the same octets, for every number of lanes.
static void both_paths_agree_under(struct bed *bed, const struct exchange_variant *variant)
{
    static uint8_t fast[LANES][1500];
    for (unsigned n = 1; n <= LANES; n += n < 6 ? 1 : n < 18 ? 4 : 23) {
        for (unsigned i = 0; i < n; i++) {
            struct client client;
            struct packet request = usual(bed, n * 64 + i, &client);
            put(bed, i, &request);
        }
        struct proof proof = run(bed, variant, false);
        assert_true(proof.given == lane_first(n));
        for (unsigned i = 0; i < n; i++)
            memcpy(fast[i], bed->batch.burst.reply[i], bed->batch.ntp_len[i]);
        proof = run(bed, variant, true);
        assert_true(proof.given == lane_first(n));
        for (unsigned i = 0; i < n; i++)
            assert_memory_equal(bed->batch.burst.reply[i], fast[i], bed->batch.ntp_len[i]);
    }
}

static void both_paths_agree(void **state)
{
    (void)state;
    each_variant(both_paths_agree_under);
}

// The bad lane has one cause, the good ones have none.
static void expect_cause(const struct batch *batch, unsigned bad, enum nak_cause cause)
{
    for (unsigned i = 0; i < NAK_CAUSES; i++)
        assert_true(batch->nak[i] == (i == cause ? lane_bit(bad) : 0));
}

// One bad lane in every position, bad in one of four ways, spoils itself alone; both paths say why.
static void a_bad_lane_is_alone_under(struct bed *bed, const struct exchange_variant *variant)
{
    static struct client client[LANES];
    for (unsigned i = 0; i < LANES; i++) {
        struct packet request = usual(bed, 9 * (200 + i), &client[i]); // one cookie each
        put(bed, i, &request);
    }
    static const enum nak_cause causes[] = {NAK_REQUEST_TAG, NAK_COOKIE_TAG, NAK_UNKNOWN_KEY,
                                            NAK_REQUEST_TAG};
    for (unsigned bad = 0; bad < LANES; bad++) {
        struct packet good = bed->request[bad], broken = good;
        switch (bad % 4) {
        case 0: // the request's tag
            broken.at[broken.len - 1 - bad % 16] ^= (uint8_t)(1 << bad % 8);
            break;
        case 1: // the cookie's tag
            broken.at[48 + 4 + client[bad].uid_len + 4 + 20 + bad % 16] ^= 1;
            break;
        case 2: // the cookie's key: unknown
            broken.at[48 + 4 + client[bad].uid_len + 4] ^= 0x80;
            break;
        case 3: // associated data
            broken.at[20] ^= 4;
            break;
        }
        put(bed, bad, &broken);
        run(bed, variant, true);
        expect_cause(&bed->batch, bad, causes[bad % 4]);
        struct proof proof = run(bed, variant, false);
        expect_cause(&bed->batch, bad, causes[bad % 4]);
        assert_true(proof.doubted == lane_bit(bad));
        assert_true(proof.given == ~lane_bit(bad));
        refuse(&bed->batch, proof.doubted);
        assert_true(client_is_nak(&client[bad], &broken, bed->batch.burst.reply[bad],
                                  bed->batch.ntp_len[bad]));
        uint8_t cookies[8][100];
        unsigned next = (bad + 1) % LANES;
        assert_true(client_open(&client[next], &bed->request[next], bed->batch.burst.reply[next],
                                bed->batch.ntp_len[next], cookies) >= 1);
        put(bed, bad, &good);
    }
}

static void a_bad_lane_is_alone(void **state)
{
    (void)state;
    each_variant(a_bad_lane_is_alone_under);
}

// NTS-1: no bit of header, fields or authenticator can change; every bit behind it can.
static void every_bit_is_proven_under(struct bed *bed, const struct exchange_variant *variant)
{
    struct client client = client_new(7, &bed->ring.entry[0]);
    struct packet good = client_request(&client, &request_default);
    for (uint32_t from = 0; from < 8 * good.len; from += LANES) {
        unsigned n = 8 * good.len - from < LANES ? 8 * good.len - from : LANES;
        for (unsigned i = 0; i < LANES; i++) {
            struct packet flipped = good;
            if (i < n)
                flipped.at[(from + i) / 8] ^= (uint8_t)(1 << (from + i) % 8);
            else
                flipped.at[0] = 0;
            put(bed, i, &flipped);
        }
        assert_true(run(bed, variant, false).given == 0);
        assert_true(run(bed, variant, true).given == 0);
    }

    struct packet with = good; // NTS-8
    packet_field(&with, 0x0304, 0x55, 100);
    for (unsigned i = 0; i < LANES; i++) {
        struct packet flipped = with;
        flipped.at[good.len + i * 13 / 8] ^= (uint8_t)(1 << i % 8);
        put(bed, i, &flipped);
    }
    assert_true(run(bed, variant, false).given == ~(lane_set)0);
    for (unsigned i = 0; i < LANES; i++)
        assert_int_equal(bed->batch.n_cookies[i], 1);
}

static void every_bit_is_proven(void **state)
{
    (void)state;
    each_variant(every_bit_is_proven_under);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_key_stays_in_a_register), cmocka_unit_test(lanes_do_not_mix),
        cmocka_unit_test(both_paths_agree),           cmocka_unit_test(a_bad_lane_is_alone),
        cmocka_unit_test(every_bit_is_proven),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
