// An AF_XDP socket: packet buffers that are shared with the kernel (UMEM), and four rings in which
// their addresses go back and forth. By setsockopt and mmap alone. (Linux,
// Documentation/networking/af_xdp.rst)
//
// Housekeeping's thread opens and closes it and reads its counters; queue.c moves packets.
#pragma once

#include "dataplane/port/xdp/ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SOCKET_RECEIVES = 4096, // frames that wait at most for a core that is held up
    SOCKET_SENDS = 2048,    // frames that the kernel has to send at most
    SOCKET_FRAMES = SOCKET_RECEIVES + SOCKET_SENDS,
    SOCKET_FRAME_LEN = 2048, // octets of a buffer: XDP's headroom and a frame
    SOCKET_FRAME_MASK = ~(SOCKET_FRAME_LEN - 1),
};

struct socket {
    int fd;
    bool zero_copy;
    bool busy_poll; // the kernel receives within our system calls
    bool metadata;  // frames may be sent with metadata (tx_metadata.h)
    uint8_t *umem;  // SOCKET_FRAMES buffers
    struct ring rx;
    struct ring tx;
    struct ring fill;       // empty buffers for the kernel to receive into
    struct ring completion; // buffers whose frame was sent
    void *map[4];           // the mapped rings, to be unmapped
    size_t map_len[4];
};

enum socket_copying {
    SOCKET_ZERO_COPY, // the driver uses the UMEM itself
    SOCKET_COPY,
};

struct socket_plan {
    unsigned ifindex;
    uint32_t queue;    // of that interface
    uint32_t headroom; // octets that stay free in front of each received frame, beside XDP's own
    enum socket_copying copying;
    bool metadata; // frames are to be sent with metadata, if the kernel takes it
};

// Opens a socket. A queue that another socket has just left is waited for (2 s). 0 or -errno, not
// logged; then nothing is left open.
int socket_open(struct socket *socket, const struct socket_plan *plan);

// Takes an empty one (fd -1) too.
void socket_close(struct socket *socket);

// What the kernel counts of the socket.
struct socket_counts {
    uint64_t dropped;    // no empty buffer, or too long for one
    uint64_t ring_full;  // the receive ring was full
    uint64_t fill_empty; // how often there was no empty buffer
    uint64_t invalid;    // buffers whose address or length the kernel refused
};
struct socket_counts socket_counts(const struct socket *socket);

// Has the kernel cut it off from its interface? It does so when the interface is removed or goes
// to another network namespace. True once.
bool socket_cut_off(const struct socket *socket);
