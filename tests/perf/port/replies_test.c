// The truth table of the tester's XDP program: the server's replies to our addresses and ports, ARP
// and ND for addresses that the kernel lacks, and nothing else.
#include "perf/port/replies.h"
#include "perf/port/replies_object.h"
#include "tests/dataplane/port/xdp/xdp_run.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// Ours: 10.123.4.1 to .4.200, ports 50000 to 50003; spoofed: 198.18.0.0/15; the server 192.0.2.1.
static const struct replies_rule rule_v4 = {
    .server = {.first = 0xc0000201, .n = 1},
    .source = {.first = 0x0a7b0401, .n = 200},
    .spoofed = {.first = 0xc6120000, .n = 1 << 17},
    .server_port = 123,
    .first_port = 50000,
    .n_ports = 4,
    .version = 4,
};
// 2001:db8:0:1::/64, the upper half of its low halves.
static const struct replies_rule rule_v6 = {
    .server = {.high = 0x20010db800000000, .first = 1, .n = 1},
    .source = {.high = 0x20010db800000001, .first = 0x8000000000000000, .n = 0x8000000000000000},
    .server_port = 123,
    .first_port = 65535,
    .n_ports = 1,
    .version = 6,
};

static void set_rule(struct replies_rule rule, int answers)
{
    uint32_t zero = 0;
    rule.answers = (uint8_t)answers;
    assert_int_equal(bpf_map_update_elem(xdp_run_map(REPLIES_RULE_NAME), &zero, &rule, 0), 0);
}

static int load(void **state)
{
    (void)state;
    return xdp_run_load(replies_object, replies_object_len, REPLIES_PROGRAM_NAME);
}

static int unload(void **state)
{
    (void)state;
    xdp_run_unload();
    return 0;
}

#define FROM_SERVER .from = "192.0.2.1", .from_port = 123
#define FROM_SERVER_V6 .from = "2001:db8::1", .from_port = 123

static const struct xdp_row table_v4[] = {
    {"first address and port", {FROM_SERVER, .to = "10.123.4.1", .port = 50000}, OURS},
    {"last address and port", {FROM_SERVER, .to = "10.123.4.200", .port = 50003}, OURS},
    {"first spoofed address", {FROM_SERVER, .to = "198.18.0.0", .port = 50000}, OURS},
    {"last spoofed address", {FROM_SERVER, .to = "198.19.255.255", .port = 50000}, OURS},
    {"one VLAN tag", {FROM_SERVER, .to = "10.123.4.9", .port = 50000, .tags = {0x8100}}, OURS},
    {"two VLAN tags",
     {FROM_SERVER, .to = "10.123.4.9", .port = 50000, .tags = {0x88a8, 0x8100}},
     OURS},
    // The kernel keeps all else.
    {"three VLAN tags",
     {FROM_SERVER, .to = "10.123.4.9", .port = 50000, .tags = {0x88a8, 0x8100, 0x8100}},
     KERNELS},
    {"the address before", {FROM_SERVER, .to = "10.123.4.0", .port = 50000}, KERNELS},
    {"the address behind", {FROM_SERVER, .to = "10.123.4.201", .port = 50000}, KERNELS},
    {"before the spoofed", {FROM_SERVER, .to = "198.17.255.255", .port = 50000}, KERNELS},
    {"behind the spoofed", {FROM_SERVER, .to = "198.20.0.0", .port = 50000}, KERNELS},
    {"the port before", {FROM_SERVER, .to = "10.123.4.1", .port = 49999}, KERNELS},
    {"the port behind", {FROM_SERVER, .to = "10.123.4.1", .port = 50004}, KERNELS},
    {"the host's own NTP client", {FROM_SERVER, .to = "10.123.4.1", .port = 123}, KERNELS},
    {"another server",
     {.from = "192.0.2.2", .from_port = 123, .to = "10.123.4.1", .port = 50000},
     KERNELS},
    {"another of the server's ports",
     {.from = "192.0.2.1", .from_port = 124, .to = "10.123.4.1", .port = 50000},
     KERNELS},
    {"a request to us", {.to = "10.123.4.1", .from = "192.0.2.1", .port = 123}, KERNELS},
    {"TCP", {FROM_SERVER, .to = "10.123.4.1", .port = 50000, .protocol = 6}, KERNELS},
    {"ICMP", {FROM_SERVER, .to = "10.123.4.1", .port = 50000, .protocol = 1}, KERNELS},
    {"a fragment", {FROM_SERVER, .to = "10.123.4.1", .port = 50000, .fragment = 0x2000}, KERNELS},
    {"options", {FROM_SERVER, .to = "10.123.4.1", .port = 50000, .version_ihl = 0x46}, KERNELS},
    {"a group's MAC", {FROM_SERVER, .to = "10.123.4.1", .port = 50000, .mac = "\x01"}, KERNELS},
    {"IPv6", {FROM_SERVER_V6, .to = "2001:db8:0:1:8000::", .port = 50000}, KERNELS},
};

static const struct xdp_row table_v6[] = {
    {"first address", {FROM_SERVER_V6, .to = "2001:db8:0:1:8000::", .port = 65535}, OURS},
    {"last address",
     {FROM_SERVER_V6, .to = "2001:db8:0:1:ffff:ffff:ffff:ffff", .port = 65535},
     OURS},
    {"two VLAN tags",
     {FROM_SERVER_V6, .to = "2001:db8:0:1:8000::", .port = 65535, .tags = {0x8100, 0x8100}},
     OURS},
    {"the address before",
     {FROM_SERVER_V6, .to = "2001:db8:0:1:7fff:ffff:ffff:ffff", .port = 65535},
     KERNELS},
    {"another network", {FROM_SERVER_V6, .to = "2001:db8:0:2:8000::", .port = 65535}, KERNELS},
    {"another port", {FROM_SERVER_V6, .to = "2001:db8:0:1:8000::", .port = 65534}, KERNELS},
    {"another server",
     {.from = "2001:db8::2", .from_port = 123, .to = "2001:db8:0:1:8000::", .port = 65535},
     KERNELS},
    {"an extension header",
     {FROM_SERVER_V6, .to = "2001:db8:0:1:8000::", .port = 65535, .protocol = 60},
     KERNELS},
    {"IPv4", {FROM_SERVER, .to = "10.123.4.1", .port = 65535}, KERNELS},
};

static void test_replies(void **state)
{
    (void)state;
    xdp_run_need_root();
    for (int answers = 0; answers < 2; answers++) {
        set_rule(rule_v4, answers);
        xdp_run_expect(table_v4, sizeof table_v4 / sizeof table_v4[0]);
        set_rule(rule_v6, answers);
        xdp_run_expect(table_v6, sizeof table_v6 / sizeof table_v6[0]);
    }
}

static void test_nothing_as_loaded(void **state)
{
    (void)state;
    xdp_run_need_root();
    set_rule((struct replies_rule){0}, 0);
    struct xdp_frame zeros = {.len = 90};
    assert_int_equal(xdp_run_verdict(zeros.octets, zeros.len), KERNELS);
    for (size_t i = 0; i < sizeof table_v4 / sizeof table_v4[0]; i++) {
        struct xdp_frame frame = xdp_frame_make(table_v4[i].shape);
        assert_int_equal(xdp_run_verdict(frame.octets, frame.len), KERNELS);
    }
}

static void test_cut_short(void **state)
{
    (void)state;
    xdp_run_need_root();
    set_rule(rule_v4, 1);
    struct xdp_frame frame =
        xdp_frame_make((struct xdp_shape){FROM_SERVER, .to = "10.123.4.1", .port = 50000});
    for (uint32_t len = 14; len < 14 + 20 + 8; len++)
        assert_int_equal(xdp_run_verdict(frame.octets, len), KERNELS);
    assert_int_equal(xdp_run_verdict(frame.octets, 14 + 20 + 8), OURS);
}

// A whole ARP frame: any operation, the target's address in the last four octets.
static struct xdp_frame arp(const char *target, uint8_t address_len)
{
    static const uint8_t head[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0,
                                   2,    0x08, 0x06, 0,    1,    0x08, 0,    6, 4, 0, 1};
    struct xdp_frame frame = {.len = 14 + 28};
    memcpy(frame.octets, head, sizeof head);
    frame.octets[19] = address_len;
    assert_int_equal(inet_pton(AF_INET, target, frame.octets + 14 + 24), 1);
    return frame;
}

// A neighbour solicitation (to a group) or advertisement (to an address).
static struct xdp_frame nd(uint8_t type, const char *to, const char *target)
{
    struct xdp_frame frame = xdp_frame_make(
        (struct xdp_shape){.to = to, .protocol = 58, .mac = type == 135 ? "\x33" : NULL});
    frame.octets[14 + 40] = type;
    assert_int_equal(inet_pton(AF_INET6, target, frame.octets + 14 + 40 + 8), 1);
    return frame;
}

static int said(struct xdp_frame frame)
{
    return xdp_run_verdict(frame.octets, frame.len);
}

static void test_arp(void **state)
{
    (void)state;
    xdp_run_need_root();
    set_rule(rule_v4, 1);
    assert_int_equal(said(arp("10.123.4.1", 4)), OURS);
    assert_int_equal(said(arp("10.123.4.200", 4)), OURS);
    assert_int_equal(said(arp("10.123.4.0", 4)), KERNELS);
    assert_int_equal(said(arp("10.123.4.201", 4)), KERNELS);
    assert_int_equal(said(arp("198.18.0.1", 4)), KERNELS); // nobody answers for spoofed addresses
    assert_int_equal(said(arp("10.123.4.1", 16)), KERNELS);
    struct xdp_frame cut = arp("10.123.4.1", 4);
    for (cut.len = 14; cut.len < 14 + 28; cut.len++)
        assert_int_equal(said(cut), KERNELS);
    set_rule(rule_v4, 0); // the kernel has the address
    assert_int_equal(said(arp("10.123.4.1", 4)), KERNELS);
    set_rule(rule_v6, 1);
    assert_int_equal(said(arp("10.123.4.1", 4)), KERNELS);
}

static void test_nd(void **state)
{
    (void)state;
    xdp_run_need_root();
    static const char group[] = "ff02::1:ff00:0", our[] = "2001:db8:0:1:8000::";
    set_rule(rule_v6, 1);
    assert_int_equal(said(nd(135, group, our)), OURS);
    assert_int_equal(said(nd(135, our, our)), OURS);
    assert_int_equal(said(nd(135, group, "2001:db8:0:1::1")), KERNELS);
    assert_int_equal(said(nd(136, our, "2001:db8::1")), OURS); // what we asked for
    assert_int_equal(said(nd(136, "2001:db8:0:1::1", "2001:db8::1")), KERNELS);
    assert_int_equal(said(nd(134, our, our)), KERNELS);
    assert_int_equal(said(nd(128, our, our)), KERNELS);
    struct xdp_frame cut = nd(135, group, our);
    for (cut.len = 14; cut.len < 14 + 40 + 24; cut.len++)
        assert_int_equal(said(cut), KERNELS);
    set_rule(rule_v6, 0);
    assert_int_equal(said(nd(135, group, our)), KERNELS);
    assert_int_equal(said(nd(136, our, "2001:db8::1")), KERNELS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies),   cmocka_unit_test(test_nothing_as_loaded),
        cmocka_unit_test(test_cut_short), cmocka_unit_test(test_arp),
        cmocka_unit_test(test_nd),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("replies", tests, load, unload);
}
