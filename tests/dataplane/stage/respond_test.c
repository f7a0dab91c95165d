// The clear part of a reply: header, identifier, timestamps. RFC 5905, section 7.3.
#include "dataplane/stage/refuse.h"
#include "dataplane/stage/respond.h"
#include "tests/dataplane/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct ntp_state synchronised = {
    .reference_time = UINT64_C(0xe7ffffff12345678),
    .root_delay = 0x00010203,
    .root_dispersion = 0x00000405,
    .reference_id = 0x47505300,
    .leap = LEAP_INSERT,
    .stratum = 2,
    .precision = -20,
    .serving = 1,
};

struct bed {
    struct batch batch;
    struct rng rng;
    struct receive_stamps stamps; // of a lone queue
    uint8_t reply[LANES][PACKET_MAX];
    struct packet request[LANES];
};

static struct bed *bed_open(void)
{
    struct bed *bed = aligned_alloc(64, (sizeof *bed + 63) / 64 * 64);
    assert_non_null(bed);
    memset(bed, 0, sizeof *bed);
    rng_init(&bed->rng);
    static const uint8_t seed[RNG_SEED_LEN] = {1};
    rng_reseed(&bed->rng, seed);
    bed->stamps = (struct receive_stamps){.mask = 1, .tag = 1};
    return bed;
}

// Puts an NTP packet into a lane as if its frame had no headers, and fills the reply with 0xa5.
static void put(struct bed *bed, unsigned lane, const struct packet *ntp, ntp_time arrival)
{
    struct batch *b = &bed->batch;
    bed->request[lane] = *ntp;
    b->burst.frame[lane] = bed->request[lane].at;
    b->burst.reply[lane] = bed->reply[lane];
    memset(bed->reply[lane], 0xa5, PACKET_MAX);
    b->arrival[lane] = (struct moment){.utc = arrival};
    b->datagram[lane] = (struct datagram){.payload_len = (uint16_t)ntp->len};
    fields_walk(ntp->at, ntp->len, &b->fields[lane]);
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++)
        v = v << 8 | at[i];
    return v;
}

static const uint8_t *answer(struct bed *bed, const struct packet *ntp,
                             const struct ntp_state *state, ntp_time arrival, ntp_time departure)
{
    put(bed, 5, ntp, arrival);
    respond(&bed->batch, lane_bit(5), state, (struct departures){.first = departure}, &bed->rng,
            &bed->stamps);
    return bed->reply[5];
}

// NTP-2, NTP-7, NTP-9: each field of RFC 5905's figure 31.
static void the_header_is_the_servers(void **unused)
{
    (void)unused;
    struct bed *bed = bed_open();
    for (unsigned version = 1; version <= 4; version++) {
        struct packet ntp = packet_ntp(version, 3);
        ntp.at[2] = 0x91; // poll
        const uint8_t *r = answer(bed, &ntp, &synchronised, UINT64_C(0xe8) << 56,
                                  (UINT64_C(0xe8) << 56) + 0x100000);
        static const uint8_t wanted[] = {1 << 6 | 4, 2,    0x91, 0xec, 0,    1,    2,    3,
                                         0,          0,    4,    5,    'G',  'P',  'S',  0,
                                         0xe7,       0xff, 0xff, 0xff, 0x12, 0x34, 0x56, 0x78};
        assert_int_equal(r[0], wanted[0] | version << 3);
        assert_memory_equal(r + 1, wanted + 1, sizeof wanted - 1);
        assert_int_equal(get64(r + 24), UINT64_C(0x0123456789abcdef));
        assert_in_range(get64(r + 32) - (UINT64_C(0xe8) << 56), 0, 0xfff);
        assert_in_range((UINT64_C(0xe8) << 56) + 0x100000 - get64(r + 40), 0, 0xfff);
        assert_int_equal(bed->batch.ntp_len[5], 48);
        assert_int_equal(r[48], 0xa5);
    }
    struct packet old = packet_ntp(1, 0); // decision 9
    assert_int_equal(answer(bed, &old, &synchronised, 1, 2)[0], 1 << 6 | 1 << 3 | 4);
    free(bed);
}

// NTP-4: an unsynchronised server says LI 3, stratum 0, no reference, and a large dispersion.
static void unsynchronised_is_said_so(void **unused)
{
    (void)unused;
    struct bed *bed = bed_open();
    struct ntp_state state = synchronised;
    state.leap = LEAP_UNKNOWN;
    struct packet ntp = packet_ntp(4, 3);
    const uint8_t *r = answer(bed, &ntp, &state, UINT64_C(1) << 60, UINT64_C(1) << 61);
    assert_int_equal(r[0], 3 << 6 | 4 << 3 | 4);
    assert_int_equal(r[1], 0);
    static const uint8_t none[4] = {0}, wide[4] = {0, 16, 0, 0};
    assert_memory_equal(r + 12, none, 4);
    assert_memory_equal(r + 8, wide, 4);
    free(bed);
}

// NTP-11: what a client writes into the other fields changes nothing but poll and origin.
static void other_fields_change_nothing(void **unused)
{
    (void)unused;
    struct bed *one = bed_open(), *two = bed_open();
    struct packet plain = packet_ntp(4, 3), noisy = packet_ntp(4, 3);
    noisy.at[0] |= 0xc0; // leap
    for (unsigned i = 1; i < 40; i++)
        noisy.at[i] = i == 2 ? noisy.at[2] : (uint8_t)(i * 37);
    const uint8_t *a = answer(one, &plain, &synchronised, UINT64_C(9) << 40, UINT64_C(10) << 40);
    const uint8_t *b = answer(two, &noisy, &synchronised, UINT64_C(9) << 40, UINT64_C(10) << 40);
    assert_memory_equal(a, b, 48);
    free(one);
    free(two);
}

// NTP-10, RSP-12: the bits below the precision are random. Receive is rounded up and transmit down,
// by less than the precision. IL-4: one is odd, the other even.
static void low_bits_are_noise(void **unused)
{
    (void)unused;
    struct bed *bed = bed_open();
    for (int precision = -32; precision <= -10; precision += 2) {
        struct ntp_state state = synchronised;
        state.precision = (int8_t)precision;
        uint64_t mask = (UINT64_C(1) << (32 + precision)) - 1;
        uint64_t seen_rec = 0, seen_xmt = 0, first_rec = 0, first_xmt = 0;
        bed->stamps.last = 0; // each as if it were alone
        ntp_time arrival = UINT64_C(0xe812345680000000) & ~mask;
        ntp_time departure = arrival + UINT64_C(0x80000000);
        for (unsigned i = 0; i < 64; i++) {
            struct packet ntp = packet_ntp(4, 3);
            bed->stamps.last = 0;
            const uint8_t *r = answer(bed, &ntp, &state, arrival, departure);
            uint64_t rec = get64(r + 32), xmt = get64(r + 40);
            assert_true(rec - arrival <= mask + 1 && departure - xmt <= mask);
            assert_true((rec & 1) == 1 && (xmt & 1) == 0);
            if (i == 0)
                first_rec = rec, first_xmt = xmt;
            seen_rec |= rec ^ first_rec;
            seen_xmt |= xmt ^ first_xmt;
        }
        // Every bit has moved but the tag.
        assert_true((seen_rec & mask) == (mask & ~UINT64_C(1)));
        assert_true((seen_xmt & mask) == (mask & ~UINT64_C(1)));
    }
    free(bed);
}

// NTP-10: each lane of a burst has its own random bits.
static void lanes_have_their_own_noise(void **unused)
{
    (void)unused;
    struct bed *bed = bed_open();
    struct packet ntp = packet_ntp(4, 3);
    for (unsigned i = 0; i < LANES; i++)
        put(bed, i, &ntp, UINT64_C(7) << 40);
    struct ntp_state state = synchronised;
    state.precision = -2; // 30 bits
    respond(&bed->batch, ~(lane_set)0, &state, (struct departures){.first = UINT64_C(9) << 40},
            &bed->rng, &bed->stamps);
    for (unsigned i = 0; i < LANES; i++) {
        for (unsigned j = 0; j < i; j++) {
            assert_memory_not_equal(bed->reply[i] + 32, bed->reply[j] + 32, 8);
            assert_memory_not_equal(bed->reply[i] + 40, bed->reply[j] + 40, 8);
        }
    }
    free(bed);
}

// NTP-9: transmit is behind receive, is not the request's own, and neither is ever 0; the same at
// the end of the era (NTP-8). Without a seeded generator (F23) as well.
static void transmit_is_never_ambiguous(void **unused)
{
    (void)unused;
    struct bed *bed = bed_open();
    static const ntp_time times[] = {0, 1, UINT64_MAX, UINT64_MAX - 1,
                                     UINT64_C(0x0123456789abcdef)};
    for (unsigned seeded = 0; seeded < 2; seeded++) {
        if (!seeded)
            rng_init(&bed->rng);
        for (unsigned i = 0; i < 25; i++) {
            struct packet ntp = packet_ntp(4, 3);
            struct ntp_state state = synchronised;
            state.precision = i % 2 ? -32 : -30;
            const uint8_t *r = answer(bed, &ntp, &state, times[i / 5], times[i % 5]);
            uint64_t rec = get64(r + 32), xmt = get64(r + 40);
            assert_true(rec != 0 && xmt != 0 && xmt != rec);
            assert_true((int64_t)(xmt - rec) > 0);
            assert_true(xmt != UINT64_C(0x0123456789abcdef));
        }
        static const uint8_t seed[RNG_SEED_LEN] = {2};
        rng_reseed(&bed->rng, seed);
    }
    free(bed);
}

// IL-5, IL-7: the receive timestamps of a queue differ, also when all frames were found by one
// poll, and name the queue. They are not earlier than the arrival (RSP-12), and hardly later.
static void receive_timestamps_are_unique(void **unused)
{
    (void)unused;
    struct bed *bed = bed_open();
    struct packet ntp = packet_ntp(4, 3);
    static const int8_t precisions[] = {-32, -29, -25, -20};
    for (unsigned p = 0; p < 4; p++) {
        for (unsigned bits = 0; bits <= 5; bits++) {
            const ntp_time arrival =
                UINT64_C(0xe812345600000000) + (uint64_t)(p * 8 + bits) * NS_PER_S;
            struct ntp_state state = synchronised;
            state.precision = precisions[p];
            const uint64_t mask = (UINT64_C(2) << bits) - 1;
            const uint64_t granule = UINT64_C(1) << (32 + precisions[p]);
            bed->stamps.mask = mask;
            bed->stamps.tag = mask & 0x2d;
            ntp_time seen[2 * LANES];
            for (unsigned burst = 0; burst < 2; burst++) {
                for (unsigned i = 0; i < LANES; i++)
                    put(bed, i, &ntp, arrival + i % 2);
                respond(&bed->batch, ~(lane_set)0, &state,
                        (struct departures){.first = arrival + (UINT64_C(1) << 24)}, &bed->rng,
                        &bed->stamps);
                for (unsigned i = 0; i < LANES; i++)
                    seen[burst * LANES + i] = get64(bed->reply[i] + 32);
            }
            for (unsigned i = 0; i < 2 * LANES; i++) {
                assert_int_equal(seen[i] & mask, bed->stamps.tag);
                assert_true(seen[i] >= arrival + i % 2);
                assert_true(seen[i] - arrival <= 2 * granule + (2 * LANES + 1) * (mask + 1));
                assert_true(i == 0 || seen[i] > seen[i - 1]);
            }
        }
    }
    free(bed);
}

// A frame whose stamp is far earlier than the one before keeps its own time: frames may be out of
// order, and the clock may be set back.
static void an_early_arrival_stays_early(void **unused)
{
    (void)unused;
    struct bed *bed = bed_open();
    struct packet ntp = packet_ntp(4, 3);
    struct ntp_state state = synchronised;
    state.precision = -25;
    const ntp_time late = UINT64_C(0xe812345680000000), early = late - 100000;
    answer(bed, &ntp, &state, late, late + 5000);
    const uint8_t *r = answer(bed, &ntp, &state, early, early + 5000);
    assert_in_range(get64(r + 32) - early, 0, 128);
    free(bed);
}

// RSP-14: replies of one burst leave one after another, in the order of the lanes, and lanes
// without a reply take no time.
static void lanes_leave_one_after_another(void **unused)
{
    (void)unused;
    struct bed *bed = bed_open();
    struct packet ntp = packet_ntp(4, 3);
    for (unsigned i = 0; i < LANES; i++)
        put(bed, i, &ntp, UINT64_C(7) << 40);
    struct ntp_state state = synchronised;
    state.precision = -32; // no random bits
    const lane_set lanes = UINT64_C(0xf0f0000000010003);
    const struct departures leave = {.first = UINT64_C(9) << 40, .each = 5000};
    respond(&bed->batch, lanes, &state, leave, &bed->rng, &bed->stamps);
    unsigned n = 0;
    for (lane_set rest = lanes; rest != 0; n++)
        assert_true(get64(bed->reply[lane_take(&rest)] + 40) == leave.first + n * leave.each);
    assert_int_equal(bed->reply[2][40], 0xa5);
    free(bed);
}

// RFC 8915, section 5.3; RSP-1, RSP-11: the identifier comes back octet by octet, and nothing else.
static void the_identifier_is_echoed(void **unused)
{
    (void)unused;
    struct bed *bed = bed_open();
    for (uint32_t len = 24; len <= 1000; len += 4) {
        struct packet ntp = packet_ntp(4, 3);
        packet_field(&ntp, 0x4242, 9, 16);
        uint32_t at = ntp.len;
        packet_field(&ntp, 0x0104, 0, len);
        for (uint32_t i = 0; i < len; i++)
            ntp.at[at + 4 + i] = (uint8_t)(i * 3 + len);
        packet_field(&ntp, 0xf323, 9, 24);
        const uint8_t *r = answer(bed, &ntp, &synchronised, 1, 2);
        assert_int_equal(bed->batch.ntp_len[5], 48 + 4 + len);
        assert_memory_equal(r + 48, ntp.at + at, 4 + len);
        assert_int_equal(r[48 + 4 + len], 0xa5);
    }
    free(bed);
}

// NTP-5, NAK-1: a NAK is a kiss of 48 + 4 + 32 octets and nothing more.
static void a_nak_is_a_kiss(void **unused)
{
    (void)unused;
    struct bed *bed = bed_open();
    struct packet ntp = packet_ntp(4, 3);
    packet_field(&ntp, 0x0104, 7, 32);
    packet_field(&ntp, 0x0204, 8, 100);
    packet_authenticator(&ntp, 16, 16, 0);
    const uint8_t *r = answer(bed, &ntp, &synchronised, 1, 2);
    bed->batch.ntp_len[5] = 228;
    refuse(&bed->batch, lane_bit(5));
    assert_int_equal(bed->batch.ntp_len[5], 84);
    assert_int_equal(r[0], 3 << 6 | 4 << 3 | 4);
    assert_int_equal(r[1], 0);
    assert_memory_equal(r + 12, "NTSN", 4);
    assert_int_equal(get64(r + 24), UINT64_C(0x0123456789abcdef));
    assert_memory_equal(r + 48, ntp.at + 48, 36);
    free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_is_the_servers),
        cmocka_unit_test(unsynchronised_is_said_so),
        cmocka_unit_test(other_fields_change_nothing),
        cmocka_unit_test(low_bits_are_noise),
        cmocka_unit_test(lanes_have_their_own_noise),
        cmocka_unit_test(transmit_is_never_ambiguous),
        cmocka_unit_test(receive_timestamps_are_unique),
        cmocka_unit_test(an_early_arrival_stays_early),
        cmocka_unit_test(lanes_leave_one_after_another),
        cmocka_unit_test(the_identifier_is_echoed),
        cmocka_unit_test(a_nak_is_a_kiss),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
