// Frames in, reply headers out.
#include "dataplane/wire/frame.h"
#include "dataplane/wire/source.h"
#include "tests/dataplane/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Opens a copy in an allocation of exactly len octets, so that a sanitizer sees a read past the
// end.
static enum frame_fault open_copy(const struct packet *frame, uint32_t len, struct datagram *d)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, frame->at, len);
    enum frame_fault fault = frame_open(copy, len, d);
    free(copy);
    return fault;
}

static struct packet good(unsigned ip_version)
{
    uint8_t payload[48];
    for (unsigned i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)i;
    return frame_around(ip_version == 4 ? &frame_default : &frame_default_v6, payload, 48);
}

struct golden {
    const char *request;
    const char *reply;
    uint16_t ip_at;
};

// Made by a script of its own, with nothing in common with the code.
static const struct golden golden[] = {
    {"020000000002020000000001080045b8004cbeef00003911d5bdc0000201c63364079c40007b00384c44000102030"
     "4"
     "05060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f",
     "02000000000102000000000208004500004c0000400040114e65c6336407c0000201007b9c400038e2da646566676"
     "8"
     "696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f90919293",
     14},
    {"02000000000202000000000181006064080045b8004cbeef00003911d5bdc0000201c63364079c40007b00384c440"
     "0"
     "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2"
     "f",
     "0200000000010200000000028100606408004500004c0000400040114e65c6336407c0000201007b9c400038e2da6"
     "4"
     "65666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f9091929"
     "3",
     18},
    {"02000000000202000000000188a801238100045686dd6b8123450038113920010db80000000000000000000000012"
     "0"
     "010db800000000000000000000beef9c40007b00381e1e000102030405060708090a0b0c0d0e0f101112131415161"
     "7"
     "18191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f",
     "02000000000102000000000288a801238100045686dd600000000038114020010db800000000000000000000beef2"
     "0"
     "010db8000000000000000000000001007b9c400038b4b46465666768696a6b6c6d6e6f707172737475767778797a7"
     "b"
     "7c7d7e7f808182838485868788898a8b8c8d8e8f90919293",
     22},
    {"02000000000202000000000186dd6b8123450038113920010db800000000000000000000000120010db8000000000"
     "0"
     "0000000000beef9c40007b00381e1e000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1"
     "f"
     "202122232425262728292a2b2c2d2e2f",
     "02000000000102000000000286dd600000000038114020010db800000000000000000000beef20010db8000000000"
     "0"
     "00000000000001007b9c400038b4b46465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f8081828"
     "3"
     "8485868788898a8b8c8d8e8f90919293",
     14},
};

// EF-8, RSP-9: VLAN, QinQ, IPv4 and IPv6 octet by octet; DF set, tags kept, checksums in full.
static void golden_frames_are_turned_round(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        struct packet request = packet_from_hex(golden[i].request);
        struct packet wanted = packet_from_hex(golden[i].reply);
        struct datagram d;
        assert_int_equal(open_copy(&request, request.len, &d), FRAME_GOOD);
        assert_int_equal(d.ip_at, golden[i].ip_at);
        assert_int_equal(d.payload_len, 48);
        assert_int_equal(d.payload_at, request.len - 48);
        assert_int_equal(d.source_port, 40000);
        assert_int_equal(d.destination_port, 123);
        assert_true(frame_checksums_hold(request.at, &d));
        assert_false(frame_is_group(request.at, &d));

        uint8_t reply[PACKET_MAX];
        memset(reply, 0xa5, sizeof reply);
        memcpy(reply + d.payload_at, wanted.at + d.payload_at, 48);
        assert_int_equal(frame_turn_round(request.at, &d, reply, 48), wanted.len);
        assert_memory_equal(reply, wanted.at, wanted.len);
        assert_int_equal(reply[wanted.len], 0xa5);
    }
}

// RFC 768: a checksum that comes out as zero is sent as all ones, or it would mean "none".
static void a_zero_checksum_is_sent_as_ones(void **state)
{
    (void)state;
    struct packet request = packet_from_hex(golden[0].request);
    struct packet wanted = packet_from_hex(golden[0].reply);
    wanted.at[40] = wanted.at[41] = 0xff;
    wanted.at[88] = 0x75;
    wanted.at[89] = 0x6e;
    struct datagram d;
    assert_int_equal(open_copy(&request, request.len, &d), FRAME_GOOD);
    uint8_t reply[PACKET_MAX];
    memcpy(reply + d.payload_at, wanted.at + d.payload_at, 48);
    assert_int_equal(frame_turn_round(request.at, &d, reply, 48), wanted.len);
    assert_memory_equal(reply, wanted.at, wanted.len);
}

static void checksums_of_any_length_hold(void **state)
{
    (void)state;
    for (uint32_t len = 0; len < 1400; len += len < 80 ? 1 : 37) {
        for (unsigned version = 4; version <= 6; version += 2) {
            uint8_t payload[1400];
            for (uint32_t i = 0; i < len; i++)
                payload[i] = (uint8_t)(0xff - i * 7);
            const struct frame_shape *shape = version == 4 ? &frame_default : &frame_default_v6;
            struct packet request = frame_around(shape, payload, len);
            struct datagram d;
            assert_int_equal(open_copy(&request, request.len, &d), FRAME_GOOD);
            uint8_t reply[PACKET_MAX];
            memcpy(reply + d.payload_at, payload, len);
            assert_true(frame_sums_hold(reply, frame_turn_round(request.at, &d, reply, len)));
        }
    }
}

// EF-8: every prefix of a good frame is a runt, and no octet past its end is read.
static void truncated_frames_are_runts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        struct packet request = packet_from_hex(golden[i].request);
        struct datagram d;
        for (uint32_t len = 0; len < request.len; len++)
            assert_int_equal(open_copy(&request, len, &d), FRAME_RUNT);
    }
}

// EF-8: where the lengths of Ethernet, IP and UDP disagree the least counts, and one that promises
// more than there is makes a runt.
static void the_least_length_counts(void **state)
{
    (void)state;
    struct datagram d;
    struct packet frame = good(4);
    packet_fill(&frame, 0xee, 20); // Ethernet's padding
    assert_int_equal(open_copy(&frame, frame.len, &d), FRAME_GOOD);
    assert_int_equal(d.payload_len, 48);

    frame.at[39] -= 8; // UDP shorter than IP
    assert_int_equal(open_copy(&frame, frame.len, &d), FRAME_GOOD);
    assert_int_equal(d.payload_len, 40);

    frame.at[39] = 8 + 48 + 4; // longer than IP
    assert_int_equal(open_copy(&frame, frame.len, &d), FRAME_RUNT);
    frame.at[39] = 7; // shorter than itself
    assert_int_equal(open_copy(&frame, frame.len, &d), FRAME_RUNT);

    frame = good(4);
    frame.at[17]++; // IP longer than the frame
    assert_int_equal(open_copy(&frame, frame.len, &d), FRAME_RUNT);
    frame.at[17] = 27; // no room for UDP
    assert_int_equal(open_copy(&frame, frame.len, &d), FRAME_RUNT);

    frame = good(6);
    frame.at[19]++;
    assert_int_equal(open_copy(&frame, frame.len, &d), FRAME_RUNT);
    frame.at[18] = frame.at[19] = 0; // a jumbogram
    assert_int_equal(open_copy(&frame, frame.len, &d), FRAME_RUNT);
}

// EF-8: fragments, options and extension headers are told apart and never read on.
static void other_frames_are_told_apart(void **state)
{
    (void)state;
    struct datagram d;
    struct packet frame = good(4);
    frame.at[20] = 0x20; // more fragments
    assert_int_equal(open_copy(&frame, frame.len, &d), FRAME_FRAGMENT);
    frame.at[20] = 0;
    frame.at[21] = 1; // offset
    assert_int_equal(open_copy(&frame, frame.len, &d), FRAME_FRAGMENT);
    frame.at[20] = 0x40;
    frame.at[21] = 0; // DF alone is no fragment
    assert_int_equal(open_copy(&frame, frame.len, &d), FRAME_GOOD);

    frame = good(4);
    frame.at[14] = 0x46;
    assert_int_equal(open_copy(&frame, frame.len, &d), FRAME_IP_OPTIONS);
    frame.at[14] = 0x44;
    assert_int_equal(open_copy(&frame, frame.len, &d), FRAME_NOT_IP);
    frame.at[14] = 0x65;
    assert_int_equal(open_copy(&frame, frame.len, &d), FRAME_NOT_IP);
    frame = good(4);
    frame.at[23] = 6;
    assert_int_equal(open_copy(&frame, frame.len, &d), FRAME_NOT_UDP);
    frame.at[12] = 0x08;
    frame.at[13] = 0x06;
    assert_int_equal(open_copy(&frame, frame.len, &d), FRAME_NOT_IP);

    for (unsigned next = 0; next < 256; next++) {
        frame = good(6);
        frame.at[20] = (uint8_t)next;
        enum frame_fault fault = open_copy(&frame, frame.len, &d);
        if (next == 17)
            assert_int_equal(fault, FRAME_GOOD);
        else if (next == 44)
            assert_int_equal(fault, FRAME_FRAGMENT);
        else if (next == 0 || next == 43 || next == 50 || next == 51 || next == 60 || next == 135 ||
                 next == 139 || next == 140)
            assert_int_equal(fault, FRAME_IP_OPTIONS);
        else
            assert_int_equal(fault, FRAME_NOT_UDP);
    }
    frame = good(6);
    frame.at[14] = 0x40;
    assert_int_equal(open_copy(&frame, frame.len, &d), FRAME_NOT_IP);
}

// EF-8: up to two tags, of either kind and in any order; the third is one too many.
static void two_tags_are_read(void **state)
{
    (void)state;
    static const uint16_t kind[] = {0x8100, 0x88a8};
    uint8_t payload[48] = {0};
    for (unsigned n = 0; n <= 3; n++) {
        for (unsigned mix = 0; mix < 8; mix++) {
            struct frame_shape shape = frame_default_v6;
            shape.n_tags = n;
            for (unsigned i = 0; i < 3; i++)
                shape.tag_type[i] = kind[mix >> i & 1];
            struct packet frame = frame_around(&shape, payload, sizeof payload);
            struct datagram d;
            assert_int_equal(open_copy(&frame, frame.len, &d), n <= 2 ? FRAME_GOOD : FRAME_NOT_IP);
        }
    }
}

// EF-8: IPv4's header checksum is verified, a missing UDP checksum is legal over IPv4 alone, and a
// wrong one is not looked at.
static void checksums_are_read_as_documented(void **state)
{
    (void)state;
    struct datagram d;
    struct packet frame = good(4);
    assert_int_equal(frame_open(frame.at, frame.len, &d), FRAME_GOOD);
    for (unsigned bit = 0; bit < 160; bit++) {
        frame.at[14 + bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(frame_checksums_hold(frame.at, &d));
        frame.at[14 + bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    frame.at[40] = frame.at[41] = 0;
    assert_true(frame_checksums_hold(frame.at, &d));
    frame.at[41] = 1;
    assert_true(frame_checksums_hold(frame.at, &d));

    frame = good(6);
    assert_int_equal(frame_open(frame.at, frame.len, &d), FRAME_GOOD);
    assert_true(frame_checksums_hold(frame.at, &d));
    frame.at[60] = frame.at[61] = 0;
    assert_false(frame_checksums_hold(frame.at, &d));
    frame.at[61] = 1;
    assert_true(frame_checksums_hold(frame.at, &d));
}

static void assert_group(const struct frame_shape *shape, bool wanted)
{
    uint8_t payload[48] = {0};
    struct packet frame = frame_around(shape, payload, sizeof payload);
    struct datagram d;
    assert_int_equal(frame_open(frame.at, frame.len, &d), FRAME_GOOD);
    assert_int_equal(frame_is_group(frame.at, &d), wanted);
}

// Decision 12: multicast and broadcast, MAC or IP, source or destination.
static void group_addresses_are_seen(void **state)
{
    (void)state;
    static const uint8_t v4[][4] = {
        {224, 0, 1, 1}, {239, 255, 255, 255}, {255, 255, 255, 255}, {0}};
    static const uint8_t near_v4[][4] = {{223, 255, 255, 255}, {240, 0, 0, 1}, {0, 0, 0, 1}};
    static const uint8_t v6[][16] = {{0xff, 2, [15] = 1}, {0xff, 5, [14] = 1, 1}, {0}};
    for (unsigned side = 0; side < 2; side++) {
        for (size_t i = 0; i < 4; i++) {
            struct frame_shape shape = frame_default;
            memcpy(side == 0 ? shape.source : shape.destination, v4[i], 4);
            assert_group(&shape, true);
        }
        for (size_t i = 0; i < 3; i++) {
            struct frame_shape shape = frame_default;
            memcpy(side == 0 ? shape.source : shape.destination, near_v4[i], 4);
            assert_group(&shape, false);
            shape = frame_default_v6;
            memcpy(side == 0 ? shape.source : shape.destination, v6[i], 16);
            assert_group(&shape, true);
        }
        struct frame_shape shape = frame_default;
        (side == 0 ? shape.source_mac : shape.destination_mac)[0] = 3;
        assert_group(&shape, true);
        memset(side == 0 ? shape.source_mac : shape.destination_mac, 0xff, 6);
        assert_group(&shape, true);
    }
}

// What the short way says of a frame in an allocation of its own length, held against the long way.
// Returns what it says.
static bool usual_agrees(const struct packet *frame)
{
    uint8_t *copy = malloc(frame->len > 0 ? frame->len : 1);
    assert_non_null(copy);
    memcpy(copy, frame->at, frame->len);
    struct datagram d, wanted, none;
    memset(&none, 0x5a, sizeof none);
    d = none;
    bool usual = frame_open_usual(copy, frame->len, 123, &d);
    bool good = frame_open(copy, frame->len, &wanted) == FRAME_GOOD && wanted.ip_at == 14 &&
                wanted.ip_version == 4 && wanted.destination_port == 123 &&
                wanted.source_port != 0 && !frame_is_group(copy, &wanted) &&
                source_is_possible(4, frame_source(copy, &wanted)) &&
                frame_checksums_hold(copy, &wanted);
    assert_int_equal(usual, good);
    assert_memory_equal(&d, usual ? &wanted : &none, offsetof(struct datagram, ip_version) + 1);
    free(copy);
    return usual;
}

// EF-8, decision 12: with one bit of the headers other than it should be, and with two, the IPv4
// header's checksum recomputed or not; and truncated anywhere.
static void the_usual_frame_is_opened_alike(void **state)
{
    (void)state;
    enum { BITS = 42 * 8 };
    struct packet right = good(4);
    assert_true(usual_agrees(&right));
    unsigned usual = 0;
    for (unsigned one = 0; one < BITS; one++) {
        for (unsigned two = 0; two <= one; two++) {
            struct packet frame = right;
            frame.at[one / 8] ^= (uint8_t)(1 << one % 8);
            if (two != one)
                frame.at[two / 8] ^= (uint8_t)(1 << two % 8);
            usual += usual_agrees(&frame);
            frame_mend_ipv4(&frame);
            usual += usual_agrees(&frame);
        }
    }
    assert_in_range(usual, BITS * BITS / 8, BITS * BITS / 2);
    for (; right.len > 0; right.len--)
        usual_agrees(&right);
    right = good(6);
    assert_false(usual_agrees(&right));
    static const uint8_t group[][4] = {{0}, {255, 255, 255, 255}, {224, 0, 0, 1}, {239, 1, 1, 1}};
    for (unsigned side = 0; side < 2; side++) {
        for (unsigned i = 0; i < 4; i++) {
            struct frame_shape shape = frame_default;
            memcpy(side == 0 ? shape.source : shape.destination, group[i], 4);
            struct packet frame = frame_around(&shape, right.at, 48);
            assert_false(usual_agrees(&frame));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_frames_are_turned_round),
        cmocka_unit_test(a_zero_checksum_is_sent_as_ones),
        cmocka_unit_test(checksums_of_any_length_hold),
        cmocka_unit_test(truncated_frames_are_runts),
        cmocka_unit_test(the_least_length_counts),
        cmocka_unit_test(other_frames_are_told_apart),
        cmocka_unit_test(two_tags_are_read),
        cmocka_unit_test(checksums_are_read_as_documented),
        cmocka_unit_test(group_addresses_are_seen),
        cmocka_unit_test(the_usual_frame_is_opened_alike),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
