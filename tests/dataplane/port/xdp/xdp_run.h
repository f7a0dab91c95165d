// Our XDP programs, as they are embedded, through the kernel's BPF_PROG_TEST_RUN, and the frames to
// put through them. What goes to a queue without a socket is XDP_PASS in service; here the program
// is told to say XDP_TX instead, so that the decision shows. Root, or the test skips.
#pragma once

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OURS = XDP_TX, // in service: to the queue's socket
    KERNELS = XDP_PASS,
};

// One program a process. 0 or -1; without root it does nothing.
int xdp_run_load(const void *object, size_t len, const char *program);
void xdp_run_unload(void);

// Skips the test without root.
void xdp_run_need_root(void);

// The descriptor of a map.
int xdp_run_map(const char *name);

int xdp_run_verdict(const uint8_t *frame, uint32_t len);

// The same; what the program has written in front of the frame goes to meta (room for 32 octets),
// and how long it is to *meta_len. Fails the test when the frame itself has changed.
int xdp_run_meta(const uint8_t *frame, uint32_t len, uint8_t *meta, uint32_t *meta_len);

// What a UDP frame is made of. What is 0 gets the value of a good one: from 192.0.2.99 (or
// 2001:db8::99), port 40000, to 192.0.2.1, port 123.
struct xdp_shape {
    const char *to;   // IP address
    const char *from; // likewise, of the same family
    const char *mac;  // first octet of the destination, as a character
    uint8_t mac_end;  // its last octet
    uint16_t tags[3]; // VLAN types
    uint16_t type;
    uint16_t from_port;
    uint16_t port;       // UDP destination
    uint16_t fragment;   // IPv4's flags and offset
    uint8_t version_ihl; // IPv4, first octet; IPv6, first octet
    uint8_t protocol;
    uint8_t first; // of the payload: an NTPv4 request's
};

struct xdp_frame {
    uint8_t octets[160];
    uint32_t len;
};

struct xdp_frame xdp_frame_make(struct xdp_shape shape);

// Fails the test at the first row that the program decides otherwise.
struct xdp_row {
    const char *what;
    struct xdp_shape shape;
    int expected;
};
void xdp_run_expect(const struct xdp_row *rows, size_t n);
