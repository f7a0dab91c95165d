// ARP and ND as truth tables: golden frames of a kernel's neighbour cache, each bent in one place.
#include "base/bytes.h"
#include "perf/path/neighbour.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ARP_AT = 14, IP_AT = 14, ICMP_AT = 54 };

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 0xa};
static const uint8_t their_mac[6] = {2, 0, 0, 0, 0, 0xb};

// 10.123.4.1 to 10.123.7.254, 2001:db8:0:1::1 to ::3ff.
static const struct endpoints ours_v4 = {
    .family = AF_INET, .first = 0x0a7b0401, .n_addresses = 1022, .n_ports = 1};
static const struct endpoints ours_v6 = {
    .family = AF_INET6, .high = 0x20010db800000001, .first = 1, .n_addresses = 1023, .n_ports = 1};

struct frame {
    uint8_t octets[256];
    uint32_t len;
};

// Who has 10.123.4.9? Tell 10.123.0.1.
static struct frame arp_request(void)
{
    static const uint8_t golden[] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,  0,   0, 0, 0, 0xb, 8, 6, // Ethernet
        0,    1,    8,    0,    6,    4,    0,  1,                       // request
        2,    0,    0,    0,    0,    0xb,  10, 123, 0, 1,               // sender
        0,    0,    0,    0,    0,    0,    10, 123, 4, 9,               // target
    };
    struct frame frame = {.len = sizeof golden};
    memcpy(frame.octets, golden, sizeof golden);
    return frame;
}

// RFC 4443's checksum, word by word.
static void seal(struct frame *frame, uint32_t ip_at)
{
    uint8_t *ip = frame->octets + ip_at, *icmp = ip + 40;
    uint32_t len = be16_get(ip + 4), sum = 58 + len;
    be16_put(icmp + 2, 0);
    for (uint32_t i = 0; i < 32; i += 2)
        sum += be16_get(ip + 8 + i);
    for (uint32_t i = 0; i < len; i += 2)
        sum += be16_get(icmp + i);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    be16_put(icmp + 2, (uint16_t)~sum);
}

static uint32_t sum_of(const uint8_t *ip)
{
    uint32_t len = be16_get(ip + 4), sum = 58 + len;
    for (uint32_t i = 0; i < 32 + len; i += 2)
        sum += be16_get(ip + 8 + i);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

// fe80::b solicits 2001:db8:0:1::9 in the group ff02::1:ff00:9.
static struct frame solicitation(void)
{
    static const uint8_t golden[] = {
        0x33, 0x33, 0xff, 0,    0, 9,  2,  0,   0, 0, 0, 0xb, 0x86, 0xdd,         // Ethernet
        0x60, 0,    0,    0,    0, 32, 58, 255,                                   // IPv6
        0xfe, 0x80, 0,    0,    0, 0,  0,  0,   0, 0, 0, 0,   0,    0,    0, 0xb, //
        0xff, 2,    0,    0,    0, 0,  0,  0,   0, 0, 0, 1,   0xff, 0,    0, 9,   //
        135,  0,    0,    0,    0, 0,  0,  0,                                     // ICMPv6
        0x20, 1,    0xd,  0xb8, 0, 0,  0,  1,   0, 0, 0, 0,   0,    0,    0, 9,   // target
        1,    1,    2,    0,    0, 0,  0,  0xb, // source link-layer address
    };
    struct frame frame = {.len = sizeof golden};
    memcpy(frame.octets, golden, sizeof golden);
    seal(&frame, IP_AT);
    return frame;
}

static uint32_t answered(const struct endpoints *ours, const struct frame *frame)
{
    uint8_t answer[NEIGHBOUR_FRAME_MAX];
    return neighbour_answer(ours, our_mac, frame->octets, frame->len, answer);
}

static void test_arp_answer(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        2, 0, 0, 0, 0, 0xb, 2,  0,   0, 0, 0, 0xa, 8, 6, // Ethernet
        0, 1, 8, 0, 6, 4,   0,  2,                       // reply
        2, 0, 0, 0, 0, 0xa, 10, 123, 4, 9,               //
        2, 0, 0, 0, 0, 0xb, 10, 123, 0, 1,               //
    };
    struct frame asked = arp_request();
    uint8_t answer[NEIGHBOUR_FRAME_MAX];
    assert_int_equal(neighbour_answer(&ours_v4, our_mac, asked.octets, asked.len, answer),
                     sizeof expected);
    assert_memory_equal(answer, expected, sizeof expected);

    // In two VLANs, which the answer keeps; and padded, as Ethernet pads it.
    struct frame tagged = {.len = asked.len + 8 + 10};
    static const uint8_t tags[] = {0x88, 0xa8, 0, 5, 0x81, 0, 0, 6};
    memcpy(tagged.octets, asked.octets, 12);
    memcpy(tagged.octets + 12, tags, 8);
    memcpy(tagged.octets + 20, asked.octets + 12, asked.len - 12);
    assert_int_equal(neighbour_answer(&ours_v4, our_mac, tagged.octets, tagged.len, answer),
                     sizeof expected + 8);
    assert_memory_equal(answer + 12, tags, 8);
    assert_memory_equal(answer + 20, expected + 12, sizeof expected - 12);
}

// Each row bends one octet of the golden frame.
struct bent {
    const char *what;
    uint32_t at;
    uint8_t value;
    bool answered;
};

static const struct bent arps[] = {
    {"as it is", 0, 0xff, true},
    {"to our MAC (a kernel's probe)", 0, 0x02, true},
    {"another of ours", ARP_AT + 27, 1, true},
    {"a probe, whose sender has no address yet", ARP_AT + 14, 0, true},
    {"not ours", ARP_AT + 25, 124, false},
    {"a reply", ARP_AT + 7, 2, false},
    {"operation 0", ARP_AT + 7, 0, false},
    {"RARP's", ARP_AT + 7, 3, false},
    {"another hardware", ARP_AT + 1, 6, false},
    {"another protocol", ARP_AT + 2, 9, false},
    {"another hardware length", ARP_AT + 4, 8, false},
    {"another protocol length", ARP_AT + 5, 16, false},
    {"a sender's MAC that is a group's", ARP_AT + 8, 3, false},
    {"a frame from a group", 6, 3, false},
    {"our own", ARP_AT + 13, 0xa, false},
    {"another EtherType", 13, 0, false},
};

static void test_arp_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof arps / sizeof arps[0]; i++) {
        struct frame frame = arp_request();
        frame.octets[arps[i].at] = arps[i].value;
        if ((answered(&ours_v4, &frame) != 0) != arps[i].answered)
            fail_msg("%s", arps[i].what);
    }
    struct frame announced = arp_request();
    memcpy(announced.octets + ARP_AT + 14, announced.octets + ARP_AT + 24, 4);
    assert_int_equal(answered(&ours_v4, &announced), 0);
    struct frame cut = arp_request();
    for (uint32_t len = 14; len < cut.len; len++)
        assert_int_equal(answered(&ours_v4, &(struct frame){.len = len}), 0);
    for (cut.len = 0; cut.len < 14 + 28; cut.len++)
        assert_int_equal(answered(&ours_v4, &cut), 0);
    assert_int_equal(answered(&ours_v6, &cut), 0);
}

static void check_advertisement(const uint8_t *answer, uint32_t flags, const char *to)
{
    uint8_t address[16];
    static const uint8_t option[] = {2, 1, 2, 0, 0, 0, 0, 0xa};
    const uint8_t *ip = answer + IP_AT, *icmp = answer + ICMP_AT;
    assert_int_equal(be16_get(ip + 4), 32);
    assert_int_equal(ip[6], 58);
    assert_int_equal(ip[7], 255);
    inet_pton(AF_INET6, "2001:db8:0:1::9", address);
    assert_memory_equal(ip + 8, address, 16);
    assert_memory_equal(icmp + 8, address, 16);
    inet_pton(AF_INET6, to, address);
    assert_memory_equal(ip + 24, address, 16);
    assert_int_equal(icmp[0], 136);
    assert_int_equal(icmp[1], 0);
    assert_int_equal(be32_get(icmp + 4), flags);
    assert_memory_equal(icmp + 24, option, 8);
    assert_int_equal(sum_of(ip), 0xffff);
}

static void test_nd_answer(void **state)
{
    (void)state;
    uint8_t answer[NEIGHBOUR_FRAME_MAX];
    struct frame asked = solicitation();
    assert_int_equal(neighbour_answer(&ours_v6, our_mac, asked.octets, asked.len, answer), 86);
    assert_memory_equal(answer, their_mac, 6);
    assert_memory_equal(answer + 6, our_mac, 6);
    check_advertisement(answer, 0x60000000, "fe80::b"); // solicited, override

    // Section 7.2.4: who has no address yet is told with all others, and not as solicited.
    memset(asked.octets + IP_AT + 8, 0, 16);
    asked.octets[IP_AT + 5] = 24;
    seal(&asked, IP_AT);
    static const uint8_t all_nodes[6] = {0x33, 0x33, 0, 0, 0, 1};
    assert_int_equal(neighbour_answer(&ours_v6, our_mac, asked.octets, asked.len, answer), 86);
    assert_memory_equal(answer, all_nodes, 6);
    check_advertisement(answer, 0x20000000, "ff02::1");
}

static const struct bent nds[] = {
    {"as it is", IP_AT, 0x60, true},
    {"a traffic class", IP_AT, 0x6a, true},
    {"without the option", IP_AT + 5, 24, true},
    {"another option", ICMP_AT + 24, 14, true},
    {"another of ours", ICMP_AT + 23, 1, true},
    {"not ours", ICMP_AT + 15, 2, false},
    {"an advertisement", ICMP_AT, 136, false},
    {"an echo request", ICMP_AT, 128, false},
    {"a code", ICMP_AT + 1, 1, false},
    {"from afar", IP_AT + 7, 254, false},
    {"not ICMPv6", IP_AT + 6, 17, false},
    {"version 4", IP_AT, 0x40, false},
    {"an option of no length", ICMP_AT + 25, 0, false},
    {"an option past the end", ICMP_AT + 25, 2, false},
    {"cut in the target", IP_AT + 5, 16, false},
    {"a payload past the frame", IP_AT + 5, 40, false},
    {"a group as target", ICMP_AT + 8, 0xff, false},
    {"our own MAC in the option", ICMP_AT + 31, 0xa, false},
    {"a group's MAC in the option", ICMP_AT + 26, 3, false},
};

static void test_nd_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof nds / sizeof nds[0]; i++) {
        struct frame frame = solicitation();
        frame.octets[nds[i].at] = nds[i].value;
        seal(&frame, IP_AT);
        if ((answered(&ours_v6, &frame) != 0) != nds[i].answered)
            fail_msg("%s", nds[i].what);
    }
    struct frame unsound = solicitation();
    unsound.octets[ICMP_AT + 3] ^= 1;
    assert_int_equal(answered(&ours_v6, &unsound), 0);
    // Without an address: not with the option, and not to an address.
    struct frame nobody = solicitation();
    memset(nobody.octets + IP_AT + 8, 0, 16);
    seal(&nobody, IP_AT);
    assert_int_equal(answered(&ours_v6, &nobody), 0);
    nobody.octets[IP_AT + 5] = 24;
    memcpy(nobody.octets + IP_AT + 24, nobody.octets + ICMP_AT + 8, 16);
    seal(&nobody, IP_AT);
    assert_int_equal(answered(&ours_v6, &nobody), 0);
    struct frame cut = solicitation();
    for (cut.len = 0; cut.len < 14 + 40 + 32; cut.len++)
        assert_int_equal(answered(&ours_v6, &cut), 0);
}

static struct neighbour_query question(int family)
{
    struct neighbour_query q = {.n_tags = 1, .tag = {7}};
    memcpy(q.mac, our_mac, 6);
    q.source = (struct address){family, family == AF_INET ? 0 : 0x20010db800000001, 0x0a7b0401};
    q.target = (struct address){family, family == AF_INET ? 0 : 0x20010db800000001, 0x0a7b0403};
    return q;
}

// Asked by one end, answered by the other, understood: with the answer's code on both sides only
// where the golden frames above have held it.
static void test_asked_and_told(void **state)
{
    (void)state;
    static const int families[] = {AF_INET, AF_INET6};
    for (int i = 0; i < 2; i++) {
        struct neighbour_query q = question(families[i]);
        struct endpoints theirs = {.family = q.target.family,
                                   .high = q.target.high,
                                   .first = q.target.low,
                                   .n_addresses = 1,
                                   .n_ports = 1};
        uint8_t frame[NEIGHBOUR_FRAME_MAX], answer[NEIGHBOUR_FRAME_MAX], mac[6] = {0};
        uint32_t len = neighbour_query_write(&q, frame);
        static const uint8_t tag[] = {0x81, 0, 0, 7};
        assert_memory_equal(frame + 12, tag, 4);
        assert_int_equal(frame[0], families[i] == AF_INET ? 0xff : 0x33);
        assert_int_equal(len, 18 + (families[i] == AF_INET ? 28 : 72));
        if (families[i] == AF_INET6)
            assert_int_equal(sum_of(frame + 18), 0xffff);
        uint32_t answer_len = neighbour_answer(&theirs, their_mac, frame, len, answer);
        assert_int_not_equal(answer_len, 0);
        assert_false(neighbour_answered(&q, frame, len, mac)); // our own question
        assert_false(neighbour_answered(&q, answer, answer_len - 1, mac));
        assert_true(neighbour_answered(&q, answer, answer_len, mac));
        assert_memory_equal(mac, their_mac, 6);
        q.target.low++; // somebody else
        assert_false(neighbour_answered(&q, answer, answer_len, mac));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arp_answer),     cmocka_unit_test(test_arp_table),
        cmocka_unit_test(test_nd_answer),      cmocka_unit_test(test_nd_table),
        cmocka_unit_test(test_asked_and_told),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("neighbour", tests, NULL, NULL);
}
