// Frames of requests: each field against a reading that is not ours to write with, and checksums
// by a sum word by word.
#include "perf/path/frame_out.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct address address(const char *text)
{
    uint8_t octets[16];
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    assert_int_equal(inet_pton(family, text, octets), 1);
    return address_of(family, octets);
}

static struct frame_ends ends_of(const char *server, const char *source, uint8_t n_tags)
{
    return (struct frame_ends){
        .mac = {2, 0, 0, 0, 0, 0xa},
        .next_mac = {2, 0, 0, 0, 0, 0xb},
        .n_tags = n_tags,
        .tag = {0x123, 0xffe},
        .server = address(server),
        .server_port = 123,
        .high = address(source).high,
    };
}

// RFC 1071 as it is written: words, one after another, odd octets padded.
static uint16_t word_sum(uint32_t sum, const uint8_t *at, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        sum += i % 2 == 0 ? (uint32_t)at[i] << 8 : at[i];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

struct made {
    uint8_t frame[2048];
    uint32_t len;
    uint32_t payload_at;
};

static struct made make(const char *server, const char *source, uint8_t n_tags, uint16_t len)
{
    struct made made;
    struct frame_out out;
    struct frame_ends ends = ends_of(server, source, n_tags);
    memset(made.frame, 0xee, sizeof made.frame);
    frame_out_prepare(&out, &ends);
    made.payload_at = out.len;
    for (uint32_t i = 0; i < len; i++)
        made.frame[out.len + i] = (uint8_t)rand();
    uint8_t before[2048];
    memcpy(before, made.frame, sizeof before);
    made.len = frame_out_write(&out, made.frame, address(source).low, 50123, len);
    assert_int_equal(made.len, out.len + len);
    assert_memory_equal(before + out.len, made.frame + out.len, sizeof before - out.len);
    return made;
}

static void check_ip(const struct made *made, const char *server, const char *source, uint32_t at,
                     uint32_t udp_len)
{
    const uint8_t *ip = made->frame + at;
    char from[46], to[46];
    if (strchr(server, ':')) {
        inet_ntop(AF_INET6, ip + 8, from, sizeof from);
        inet_ntop(AF_INET6, ip + 24, to, sizeof to);
        static const uint8_t first[4] = {0x60, 0, 0, 0};
        assert_memory_equal(ip, first, 4);
        assert_int_equal(ip[4] << 8 | ip[5], udp_len);
        assert_int_equal(ip[6], 17);
        assert_int_equal(ip[7], 64);
        assert_int_equal(word_sum(word_sum(17 + udp_len, ip + 8, 32), ip + 40, udp_len), 0xffff);
    } else {
        inet_ntop(AF_INET, ip + 12, from, sizeof from);
        inet_ntop(AF_INET, ip + 16, to, sizeof to);
        static const uint8_t fixed[] = {0, 0, 0x40, 0, 64, 17}; // id, don't fragment, TTL, UDP
        assert_int_equal(ip[0], 0x45);
        assert_int_equal(ip[1], 0);
        assert_int_equal(ip[2] << 8 | ip[3], 20 + udp_len);
        assert_memory_equal(ip + 4, fixed, sizeof fixed);
        assert_int_equal(word_sum(0, ip, 20), 0xffff);
        assert_int_equal(word_sum(word_sum(17 + udp_len, ip + 12, 8), ip + 20, udp_len), 0xffff);
    }
    assert_string_equal(from, source);
    assert_string_equal(to, server);
}

static void check(const char *server, const char *source, uint8_t n_tags, uint16_t len)
{
    struct made made = make(server, source, n_tags, len);
    static const uint8_t macs[12] = {2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 0xa};
    static const uint8_t one[] = {0x81, 0x00, 0x01, 0x23};
    static const uint8_t two[] = {0x88, 0xa8, 0x01, 0x23, 0x81, 0x00, 0x0f, 0xfe};
    bool v6 = strchr(server, ':') != NULL;
    uint32_t ip_at = 14 + n_tags * 4u;
    uint32_t udp_at = ip_at + (v6 ? 40 : 20);
    assert_int_equal(made.payload_at, udp_at + 8);
    assert_memory_equal(made.frame, macs, 12);
    if (n_tags == 1)
        assert_memory_equal(made.frame + 12, one, 4);
    if (n_tags == 2)
        assert_memory_equal(made.frame + 12, two, 8);
    assert_int_equal(be16_get(made.frame + ip_at - 2), v6 ? 0x86dd : 0x0800);
    check_ip(&made, server, source, ip_at, 8u + len);
    const uint8_t *udp = made.frame + udp_at;
    assert_int_equal(be16_get(udp), 50123);
    assert_int_equal(be16_get(udp + 2), 123);
    assert_int_equal(be16_get(udp + 4), 8 + len);
    assert_int_not_equal(be16_get(udp + 6), 0);
}

static void test_all_shapes(void **state)
{
    (void)state;
    for (uint8_t n_tags = 0; n_tags <= 2; n_tags++) {
        for (uint16_t len = 0; len < 300; len++) {
            check("192.0.2.1", "10.123.4.7", n_tags, len);
            check("2001:db8::1", "2001:db8:0:1:8000::7", n_tags, len);
        }
        check("255.255.255.254", "223.255.255.255", n_tags, 1472);
        check("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff::1", n_tags, 1452);
    }
}

// RFC 768: a sum of zero goes as all ones. A payload word is chosen so that it comes to that.
static void test_zero_is_all_ones(void **state)
{
    (void)state;
    struct frame_out out;
    struct frame_ends ends = ends_of("192.0.2.1", "10.123.4.7", 0);
    uint8_t frame[128] = {0};
    frame_out_prepare(&out, &ends);
    frame_out_write(&out, frame, 0x0a7b0407, 50123, 48);
    be16_put(frame + out.len, be16_get(frame + out.udp_at + 6));
    frame_out_write(&out, frame, 0x0a7b0407, 50123, 48);
    assert_int_equal(be16_get(frame + out.udp_at + 6), 0xffff);
}

// What it costs is shown, not judged: headers and checksums of a request of 228 octets.
static void test_cost(void **state)
{
    (void)state;
    enum { FRAMES = 64, ROUNDS = 20000 };
    static uint8_t frames[FRAMES][512];
    static const char *const servers[] = {"192.0.2.1", "2001:db8::1"};
    for (int v = 0; v < 2; v++) {
        struct frame_out out;
        struct frame_ends ends = ends_of(servers[v], servers[v], 0);
        frame_out_prepare(&out, &ends);
        uint64_t best = UINT64_MAX;
        for (int round = 0; round < ROUNDS; round++) {
            uint64_t begun = __builtin_ia32_rdtsc();
            for (unsigned i = 0; i < FRAMES; i++)
                frame_out_write(&out, frames[i], 0x0a7b0400 + i, (uint16_t)(50000 + round), 228);
            uint64_t took = __builtin_ia32_rdtsc() - begun;
            best = took < best ? took : best;
        }
        print_message("# %s: %.0f cycles a frame\n", servers[v], (double)best / FRAMES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_shapes),
        cmocka_unit_test(test_zero_is_all_ones),
        cmocka_unit_test(test_cost),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("frame_out", tests, NULL, NULL);
}
