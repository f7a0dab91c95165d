// The XDP program's truth table: golden frames through the kernel's BPF_PROG_TEST_RUN, with the
// program as it is embedded. What goes to a queue without a socket is XDP_PASS in service; here the
// program is told to say XDP_TX instead, so that the decision shows. Root, or it skips.
#include "dataplane/port/steer.h"
#include "dataplane/port/steer_object.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    OURS = XDP_TX, // in service: to the queue's socket
    KERNELS = XDP_PASS,
    NTP = 123,
    UDP = 17,
};

static const char *const our_v4 = "192.0.2.1";
static const char *const our_v6 = "2001:db8::1";

static struct {
    struct bpf_object *object;
    int program;
} loaded;

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
    (void)level;
    (void)format;
    (void)args;
    return 0;
}

static int map_named(const char *name)
{
    return bpf_map__fd(bpf_object__find_map_by_name(loaded.object, name));
}

static void set_port(uint16_t port)
{
    uint32_t zero = 0;
    uint16_t value = htons(port);
    assert_int_equal(bpf_map_update_elem(map_named(STEER_PORT_NAME), &zero, &value, 0), 0);
}

static int load(void **state)
{
    (void)state;
    const uint8_t present = 1;
    const uint32_t say = OURS;
    struct in_addr v4;
    struct in6_addr v6;
    if (geteuid() != 0)
        return 0;
    libbpf_set_print(quiet);
    loaded.object = bpf_object__open_mem(steer_object, steer_object_len, NULL);
    if (!loaded.object)
        return -1;
    struct bpf_map *map;
    bpf_object__for_each_map(map, loaded.object)
    {
        if (strstr(bpf_map__name(map), ".rodata") &&
            bpf_map__set_initial_value(map, &say, sizeof say) != 0)
            return -1;
    }
    if (bpf_object__load(loaded.object) != 0)
        return -1;
    loaded.program =
        bpf_program__fd(bpf_object__find_program_by_name(loaded.object, STEER_PROGRAM_NAME));
    inet_pton(AF_INET, our_v4, &v4);
    inet_pton(AF_INET6, our_v6, &v6);
    if (bpf_map_update_elem(map_named(STEER_V4_NAME), &v4, &present, 0) != 0 ||
        bpf_map_update_elem(map_named(STEER_V6_NAME), &v6, &present, 0) != 0)
        return -1;
    set_port(NTP);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    bpf_object__close(loaded.object);
    return 0;
}

static void need_root(void)
{
    if (geteuid() != 0) {
        print_message("# only root loads XDP programs\n");
        skip();
    }
}

static int verdict(const uint8_t *frame, uint32_t len)
{
    struct bpf_test_run_opts run = {
        .sz = sizeof run, .data_in = frame, .data_size_in = len, .repeat = 1};
    assert_int_equal(bpf_prog_test_run_opts(loaded.program, &run), 0);
    return (int)run.retval;
}

// What a frame is made of; what is 0 gets the value of a good request.
struct shape {
    const char *to;      // IP address
    const char *mac;     // first octet of the destination, as a character
    uint16_t tags[3];    // VLAN types
    uint16_t type;       //
    uint16_t port;       // UDP destination
    uint16_t fragment;   // IPv4's flags and offset
    uint8_t version_ihl; // IPv4, first octet; IPv6, first octet
    uint8_t protocol;
};

struct frame {
    uint8_t octets[160];
    uint32_t len;
};

static void put(struct frame *frame, const void *at, size_t len)
{
    memcpy(frame->octets + frame->len, at, len);
    frame->len += (uint32_t)len;
}

static void put16(struct frame *frame, uint16_t value)
{
    value = htons(value);
    put(frame, &value, sizeof value);
}

static struct frame make(struct shape shape)
{
    struct frame frame = {0};
    bool v6 = shape.to && strchr(shape.to, ':');
    uint8_t address[16];
    uint8_t macs[12] = {0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2};
    if (shape.mac)
        macs[0] = (uint8_t)shape.mac[0];
    put(&frame, macs, sizeof macs);
    for (int i = 0; i < 3 && shape.tags[i]; i++) {
        put16(&frame, shape.tags[i]);
        put16(&frame, (uint16_t)(100 + i));
    }
    put16(&frame, shape.type ? shape.type : v6 ? 0x86dd : 0x0800);
    assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, shape.to ? shape.to : our_v4, address), 1);
    uint8_t protocol = shape.protocol ? shape.protocol : UDP;
    if (v6) {
        uint8_t head[40] = {shape.version_ihl ? shape.version_ihl : 0x60, [5] = 56, protocol, 64};
        memcpy(head + 24, address, 16);
        put(&frame, head, sizeof head);
    } else {
        uint8_t head[20] = {shape.version_ihl ? shape.version_ihl : 0x45, [3] = 76, [8] = 64,
                            protocol};
        head[6] = (uint8_t)(shape.fragment >> 8);
        head[7] = (uint8_t)shape.fragment;
        memcpy(head + 16, address, 4);
        put(&frame, head, sizeof head);
    }
    put16(&frame, 40000);
    put16(&frame, shape.port ? shape.port : NTP);
    put16(&frame, 56);
    put16(&frame, 0);
    frame.len += 48;
    return frame;
}

struct row {
    const char *what;
    struct shape shape;
    int expected;
};

static void expect(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct frame frame = make(rows[i].shape);
        int got = verdict(frame.octets, frame.len);
        if (got != rows[i].expected)
            fail_msg("%s: %d, not %d", rows[i].what, got, rows[i].expected);
    }
}

static const struct row table[] = {
    {"IPv4 request", {0}, OURS},
    {"IPv6 request", {.to = "2001:db8::1"}, OURS},
    {"one VLAN tag", {.tags = {0x8100}}, OURS},
    {"one service tag", {.tags = {0x88a8}}, OURS},
    {"two VLAN tags", {.tags = {0x88a8, 0x8100}}, OURS},
    {"two VLAN tags, IPv6", {.to = "2001:db8::1", .tags = {0x8100, 0x8100}}, OURS},
    {"don't fragment", {.fragment = 0x4000}, OURS},
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
    need_root();
    expect(table, sizeof table / sizeof table[0]);
}

// Frames cut short anywhere before the end of the UDP header are the kernel's.
static void test_cut_short(void **state)
{
    (void)state;
    need_root();
    static const struct shape shapes[] = {{0}, {.to = "2001:db8::1"}, {.tags = {0x88a8, 0x8100}}};
    static const uint32_t header[] = {14 + 20 + 8, 14 + 40 + 8, 14 + 8 + 20 + 8};
    for (size_t i = 0; i < 3; i++) {
        struct frame frame = make(shapes[i]);
        for (uint32_t len = 14; len < header[i]; len++)
            assert_int_equal(verdict(frame.octets, len), KERNELS);
        assert_int_equal(verdict(frame.octets, header[i]), OURS);
    }
}

// As loaded the program steers nothing, and it follows the configured port.
static void test_port_is_configured(void **state)
{
    (void)state;
    need_root();
    struct frame to_zero = make((struct shape){0});
    to_zero.octets[14 + 20 + 2] = to_zero.octets[14 + 20 + 3] = 0;
    struct frame ntp = make((struct shape){0});
    struct frame other = make((struct shape){.port = 11123});
    set_port(0);
    assert_int_equal(verdict(to_zero.octets, to_zero.len), KERNELS);
    assert_int_equal(verdict(ntp.octets, ntp.len), KERNELS);
    set_port(11123);
    assert_int_equal(verdict(ntp.octets, ntp.len), KERNELS);
    assert_int_equal(verdict(other.octets, other.len), OURS);
    set_port(NTP);
    assert_int_equal(verdict(ntp.octets, ntp.len), OURS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth_table),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_port_is_configured),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("steer", tests, load, unload);
}
