#include "tests/dataplane/port/xdp/xdp_run.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    NTP = 123,
    UDP = 17,
};

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

int xdp_run_map(const char *name)
{
    return bpf_map__fd(bpf_object__find_map_by_name(loaded.object, name));
}

int xdp_run_load(const void *object, size_t len, const char *program)
{
    const uint32_t say = OURS;
    if (geteuid() != 0)
        return 0;
    libbpf_set_print(quiet);
    loaded.object = bpf_object__open_mem(object, len, NULL);
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
    loaded.program = bpf_program__fd(bpf_object__find_program_by_name(loaded.object, program));
    return 0;
}

void xdp_run_unload(void)
{
    bpf_object__close(loaded.object);
}

void xdp_run_need_root(void)
{
    if (geteuid() != 0) {
        print_message("# only root loads XDP programs\n");
        skip();
    }
}

int xdp_run_verdict(const uint8_t *frame, uint32_t len)
{
    struct bpf_test_run_opts run = {
        .sz = sizeof run, .data_in = frame, .data_size_in = len, .repeat = 1};
    assert_int_equal(bpf_prog_test_run_opts(loaded.program, &run), 0);
    return (int)run.retval;
}

int xdp_run_meta(const uint8_t *frame, uint32_t len, uint8_t *meta, uint32_t *meta_len)
{
    enum { META_MAX = 32 };
    uint8_t out[META_MAX + sizeof((struct xdp_frame){0}.octets)];
    struct bpf_test_run_opts run = {.sz = sizeof run,
                                    .data_in = frame,
                                    .data_size_in = len,
                                    .data_out = out,
                                    .data_size_out = sizeof out,
                                    .repeat = 1};
    assert_int_equal(bpf_prog_test_run_opts(loaded.program, &run), 0);
    *meta_len = run.data_size_out - len;
    assert_true(*meta_len <= META_MAX);
    memcpy(meta, out, *meta_len);
    assert_memory_equal(out + *meta_len, frame, len);
    return (int)run.retval;
}

static void put(struct xdp_frame *frame, const void *at, size_t len)
{
    memcpy(frame->octets + frame->len, at, len);
    frame->len += (uint32_t)len;
}

static void put16(struct xdp_frame *frame, uint16_t value)
{
    value = htons(value);
    put(frame, &value, sizeof value);
}

static void address_of(bool v6, const char *text, const char *otherwise, uint8_t address[16])
{
    assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, text ? text : otherwise, address), 1);
}

struct xdp_frame xdp_frame_make(struct xdp_shape shape)
{
    struct xdp_frame frame = {0};
    bool v6 = shape.to && strchr(shape.to, ':');
    uint8_t to[16], from[16];
    uint8_t macs[12] = {0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2};
    if (shape.mac)
        macs[0] = (uint8_t)shape.mac[0];
    if (shape.mac_end)
        macs[5] = shape.mac_end;
    put(&frame, macs, sizeof macs);
    for (int i = 0; i < 3 && shape.tags[i]; i++) {
        put16(&frame, shape.tags[i]);
        put16(&frame, (uint16_t)(100 + i));
    }
    put16(&frame, shape.type ? shape.type : v6 ? 0x86dd : 0x0800);
    address_of(v6, shape.to, "192.0.2.1", to);
    address_of(v6, shape.from, v6 ? "2001:db8::99" : "192.0.2.99", from);
    uint8_t protocol = shape.protocol ? shape.protocol : UDP;
    if (v6) {
        uint8_t head[40] = {shape.version_ihl ? shape.version_ihl : 0x60, [5] = 56, protocol, 64};
        memcpy(head + 8, from, 16);
        memcpy(head + 24, to, 16);
        put(&frame, head, sizeof head);
    } else {
        uint8_t head[20] = {shape.version_ihl ? shape.version_ihl : 0x45, [3] = 76, [8] = 64,
                            protocol};
        head[6] = (uint8_t)(shape.fragment >> 8);
        head[7] = (uint8_t)shape.fragment;
        memcpy(head + 12, from, 4);
        memcpy(head + 16, to, 4);
        put(&frame, head, sizeof head);
    }
    put16(&frame, shape.from_port ? shape.from_port : 40000);
    put16(&frame, shape.port ? shape.port : NTP);
    put16(&frame, 56);
    put16(&frame, 0);
    frame.octets[frame.len] = shape.first ? shape.first : 0x23;
    frame.len += 48;
    return frame;
}

void xdp_run_expect(const struct xdp_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct xdp_frame frame = xdp_frame_make(rows[i].shape);
        int got = xdp_run_verdict(frame.octets, frame.len);
        if (got != rows[i].expected)
            fail_msg("%s: %d, not %d", rows[i].what, got, rows[i].expected);
    }
}
