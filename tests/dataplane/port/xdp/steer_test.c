// The server's XDP program's truth table.
#include "dataplane/port/xdp/steer.h"
#include "dataplane/port/xdp/steer_object.h"
#include "tests/dataplane/port/xdp/xdp_run.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { NTP = 123 };

static const char *const our_v4 = "192.0.2.1";
static const char *const our_v6 = "2001:db8::1";
static const char *const tagged_v4 = "192.0.2.3";
static const char *const tagged_v6 = "2001:db8::3";
static const char *const broadcast_v4 = "192.0.2.255";

static void set_ports(uint16_t port, uint16_t nts_port)
{
    uint32_t zero = 0;
    struct steer_port value = {
        .udp = htons(port), .nts = htons(nts_port), .mac = {2, 0, 0, 0, 0, 1}};
    assert_int_equal(bpf_map_update_elem(xdp_run_map(STEER_PORT_NAME), &zero, &value, 0), 0);
}

static void set_port(uint16_t port)
{
    set_ports(port, 0);
}

static void set_address(const char *text, uint8_t kind)
{
    const int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    uint8_t address[16];
    assert_int_equal(inet_pton(family, text, address), 1);
    int map = xdp_run_map(family == AF_INET ? STEER_V4_NAME : STEER_V6_NAME);
    assert_int_equal(bpf_map_update_elem(map, address, &kind, 0), 0);
}

static int load(void **state)
{
    (void)state;
    if (xdp_run_load(steer_object, steer_object_len, STEER_PROGRAM_NAME) != 0)
        return -1;
    if (geteuid() != 0)
        return 0;
    set_address(our_v4, STEER_OURS);
    set_address(our_v6, STEER_OURS);
    set_address(tagged_v4, STEER_OURS_TAGGED);
    set_address(tagged_v6, STEER_OURS_TAGGED);
    set_address(broadcast_v4, STEER_NOT_SERVED);
    set_port(NTP);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    xdp_run_unload();
    return 0;
}

static const struct xdp_row table[] = {
    {"IPv4 request", {0}, OURS},
    {"IPv6 request", {.to = "2001:db8::1"}, OURS},
    {"one VLAN tag", {.tags = {0x8100}}, OURS},
    {"one service tag", {.tags = {0x88a8}}, OURS},
    {"two VLAN tags", {.tags = {0x88a8, 0x8100}}, OURS},
    {"two VLAN tags, IPv6", {.to = "2001:db8::1", .tags = {0x8100, 0x8100}}, OURS},
    {"don't fragment", {.fragment = 0x4000}, OURS},
    {"a VLAN's address, in a VLAN", {.to = "192.0.2.3", .tags = {0x8100}}, OURS},
    {"a VLAN's IPv6 address, in a VLAN", {.to = "2001:db8::3", .tags = {0x8100}}, OURS},
    // NTP-2, NTP-3: only what may be answered.
    {"version 1, mode 3", {.first = 1 << 3 | 3}, OURS},
    {"version 3, mode 3, leap 3", {.first = 3 << 6 | 3 << 3 | 3}, OURS},
    {"version 1 without a mode", {.first = 1 << 3}, OURS},
    {"version 1 without a mode, IPv6", {.to = "2001:db8::1", .first = 1 << 3}, OURS},
    {"a client at port 123", {.from_port = 123}, OURS},
    {"version 1 without a mode from port 123", {.first = 1 << 3, .from_port = 123}, KERNELS},
    {"version 2 without a mode", {.first = 2 << 3}, KERNELS},
    {"symmetric active", {.first = 4 << 3 | 1}, KERNELS},
    {"symmetric passive", {.first = 4 << 3 | 2}, KERNELS},
    {"a server's reply to a client here", {.first = 4 << 3 | 4, .from_port = 123}, KERNELS},
    {"its IPv6 reply", {.to = "2001:db8::1", .first = 4 << 3 | 4}, KERNELS},
    {"broadcast mode", {.first = 4 << 3 | 5}, KERNELS},
    {"control mode", {.first = 4 << 3 | 6}, KERNELS},
    {"private mode", {.first = 2 << 3 | 7}, KERNELS},
    // What the kernel checks for a socket.
    {"another MAC", {.mac_end = 9}, KERNELS},
    {"another MAC, first octet", {.mac = "\x06"}, KERNELS},
    {"another MAC, IPv6", {.to = "2001:db8::1", .mac_end = 9}, KERNELS},
    {"from our address", {.from = "192.0.2.1"}, KERNELS},
    {"from our IPv6 address", {.to = "2001:db8::1", .from = "2001:db8::1"}, KERNELS},
    {"from another address of ours", {.from = "192.0.2.3"}, KERNELS},
    {"from another IPv6 address", {.to = "2001:db8::1", .from = "2001:db8::3"}, KERNELS},
    {"from our subnet's broadcast address", {.from = "192.0.2.255"}, KERNELS},
    {"to our subnet's broadcast address", {.to = "192.0.2.255"}, KERNELS},
    {"a VLAN's address without a tag", {.to = "192.0.2.3"}, KERNELS},
    {"a VLAN's IPv6 address without a tag", {.to = "2001:db8::3"}, KERNELS},
    // The kernel keeps all else at the same addresses.
    {"three VLAN tags", {.tags = {0x88a8, 0x8100, 0x8100}}, KERNELS},
    {"another IPv4 address", {.to = "192.0.2.2"}, KERNELS},
    {"another IPv6 address", {.to = "2001:db8::2"}, KERNELS},
    {"another port", {.port = 124}, KERNELS},
    {"NTS-KE's port over UDP", {.port = 4460}, KERNELS},
    {"TCP", {.protocol = 6}, KERNELS},
    {"TCP over IPv6", {.to = "2001:db8::1", .protocol = 6}, KERNELS},
    {"ICMP", {.protocol = 1}, KERNELS},
    {"ICMPv6", {.to = "2001:db8::1", .protocol = 58}, KERNELS},
    {"IPv6 extension header", {.to = "2001:db8::1", .protocol = 0x3c}, KERNELS},
    {"IPv6 fragment", {.to = "2001:db8::1", .protocol = 44}, KERNELS},
    {"first fragment", {.fragment = 0x2000}, KERNELS},
    {"last fragment", {.fragment = 0x0001}, KERNELS},
    {"IPv4 options", {.version_ihl = 0x46}, KERNELS},
    {"version 6 under IPv4's type", {.version_ihl = 0x65}, KERNELS},
    {"version 4 under IPv6's type", {.to = "2001:db8::1", .version_ihl = 0x40}, KERNELS},
    {"ARP", {.type = 0x0806}, KERNELS},
    {"multicast MAC", {.mac = "\x01"}, KERNELS},
    {"broadcast MAC", {.mac = "\xff"}, KERNELS},
    {"NTP's multicast group", {.to = "224.0.1.1"}, KERNELS},
    {"NTP's IPv6 multicast group", {.to = "ff02::101"}, KERNELS},
    {"broadcast", {.to = "255.255.255.255"}, KERNELS},
};

// EF-8: fragments, options and extension headers are not ours. KE and the rest of the host stay
// reachable at the same addresses.
static void test_truth_table(void **state)
{
    (void)state;
    xdp_run_need_root();
    xdp_run_expect(table, sizeof table / sizeof table[0]);
}

// Frames cut short anywhere before the first octet of NTP are the kernel's.
static void test_cut_short(void **state)
{
    (void)state;
    xdp_run_need_root();
    static const struct xdp_shape shapes[] = {
        {0}, {.to = "2001:db8::1"}, {.tags = {0x88a8, 0x8100}}};
    static const uint32_t header[] = {14 + 20 + 8, 14 + 40 + 8, 14 + 8 + 20 + 8};
    for (size_t i = 0; i < 3; i++) {
        struct xdp_frame frame = xdp_frame_make(shapes[i]);
        for (uint32_t len = 14; len <= header[i]; len++)
            assert_int_equal(xdp_run_verdict(frame.octets, len), KERNELS);
        assert_int_equal(xdp_run_verdict(frame.octets, header[i] + 1), OURS);
    }
}

// As loaded the program steers nothing, and it follows the configured port.
static void test_port_is_configured(void **state)
{
    (void)state;
    xdp_run_need_root();
    struct xdp_frame to_zero = xdp_frame_make((struct xdp_shape){0});
    to_zero.octets[14 + 20 + 2] = to_zero.octets[14 + 20 + 3] = 0;
    struct xdp_frame ntp = xdp_frame_make((struct xdp_shape){0});
    struct xdp_frame other = xdp_frame_make((struct xdp_shape){.port = 11123});
    set_port(0);
    assert_int_equal(xdp_run_verdict(to_zero.octets, to_zero.len), KERNELS);
    assert_int_equal(xdp_run_verdict(ntp.octets, ntp.len), KERNELS);
    set_port(11123);
    assert_int_equal(xdp_run_verdict(ntp.octets, ntp.len), KERNELS);
    assert_int_equal(xdp_run_verdict(other.octets, other.len), OURS);
    set_port(NTP);
    assert_int_equal(xdp_run_verdict(ntp.octets, ntp.len), OURS);
    assert_int_equal(xdp_run_verdict(to_zero.octets, to_zero.len), KERNELS);
    assert_int_equal(xdp_run_verdict(other.octets, other.len), KERNELS);
    // A second port beside it.
    set_ports(NTP, 11123);
    assert_int_equal(xdp_run_verdict(ntp.octets, ntp.len), OURS);
    assert_int_equal(xdp_run_verdict(other.octets, other.len), OURS);
    assert_int_equal(xdp_run_verdict(to_zero.octets, to_zero.len), KERNELS);
    struct xdp_frame third = xdp_frame_make((struct xdp_shape){.port = 11124});
    assert_int_equal(xdp_run_verdict(third.octets, third.len), KERNELS);
    set_ports(0, 11123); // nothing is steered
    assert_int_equal(xdp_run_verdict(other.octets, other.len), KERNELS);
    set_port(NTP);
}

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

// RSP-13: a frame for the server has a stamp of the monotonic clock; what is the
// kernel's goes on as it came.
static void test_ours_are_stamped(void **state)
{
    (void)state;
    xdp_run_need_root();
    uint8_t meta[32];
    uint32_t len;
    for (unsigned i = 0; i < 10; i++) {
        struct xdp_frame ours = xdp_frame_make((struct xdp_shape){.tags = {i % 2 ? 0x8100 : 0}});
        uint64_t before = monotonic_ns();
        assert_int_equal(xdp_run_meta(ours.octets, ours.len, meta, &len), OURS);
        uint64_t after = monotonic_ns();
        struct steer_stamp stamp;
        assert_int_equal(len, sizeof stamp);
        memcpy(&stamp, meta, sizeof stamp);
        assert_true(stamp.magic == STEER_STAMP_MAGIC);
        // The kernel's fast reading of its clock is a little off from the exact one.
        assert_true(stamp.monotonic_ns + 2000 >= before && stamp.monotonic_ns <= after + 2000);
    }
    struct xdp_frame other = xdp_frame_make((struct xdp_shape){.to = "192.0.2.2"});
    assert_int_equal(xdp_run_meta(other.octets, other.len, meta, &len), KERNELS);
    assert_int_equal(len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth_table),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_port_is_configured),
        cmocka_unit_test(test_ours_are_stamped),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("steer", tests, load, unload);
}
