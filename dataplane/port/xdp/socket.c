#include "dataplane/port/xdp/socket.h"

#include "dataplane/port/xdp/tx_metadata.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_xdp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// Newer than Debian 12's headers.
#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET 9
#endif

enum {
    TX_BUDGET = 256,       // frames of one sendto in copy mode; 32 where the kernel lacks this
    SEND_BUFFER = 8 << 20, // octets of frames that the kernel may hold in copy mode
    BUSY_POLL_US = 20,     // how long a system call waits for the driver
    BUSY_POLL_BUDGET = 64, // frames that it receives
    BIND_TRIES = 200,      // 10 ms apart
    BIND_GAP_NS = 10 * 1000000,
};

static int set(int fd, int level, int option, const void *value, socklen_t len)
{
    return setsockopt(fd, level, option, value, len) == 0 ? 0 : -errno;
}

static int set_int(int fd, int level, int option, int value)
{
    return set(fd, level, option, &value, sizeof value);
}

// Linux 6.8 took the length without the flag, later kernels want it. Kernels before that know
// neither: they refuse the flag and do not look at the length, but announce no feature either, so
// that nobody wants it there (tx_features.h).
static int register_with_metadata(struct socket *s, const struct xdp_umem_reg *area)
{
    struct tx_metadata_umem with = {
        .addr = area->addr,
        .len = area->len,
        .chunk_size = area->chunk_size,
        .headroom = area->headroom,
        .flags = TX_METADATA_LEN_FLAG,
        .tx_metadata_len = sizeof(struct tx_metadata),
    };
    int fault = set(s->fd, SOL_XDP, XDP_UMEM_REG, &with, sizeof with);
    if (fault != -EINVAL)
        return fault;
    with.flags = 0;
    return set(s->fd, SOL_XDP, XDP_UMEM_REG, &with, sizeof with);
}

static int register_umem(struct socket *s, const struct socket_plan *plan)
{
    const size_t len = (size_t)SOCKET_FRAMES * SOCKET_FRAME_LEN;
    void *umem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (umem == MAP_FAILED)
        return -errno;
    s->umem = umem;
    const struct xdp_umem_reg area = {
        .addr = (uint64_t)(uintptr_t)umem,
        .len = len,
        .chunk_size = SOCKET_FRAME_LEN,
        .headroom = plan->headroom,
    };
    s->metadata = plan->metadata && register_with_metadata(s, &area) == 0;
    if (s->metadata)
        return 0;
    return set(s->fd, SOL_XDP, XDP_UMEM_REG, &area, sizeof area);
}

// One of the four rings: its option, the offset at which it is mapped, number and size of entries.
struct kind {
    int option;
    off_t at;
    uint32_t n;
    size_t entry_len;
};
static_assert((SOCKET_RECEIVES & (SOCKET_RECEIVES - 1)) == 0 &&
                  (SOCKET_SENDS & (SOCKET_SENDS - 1)) == 0,
              "the kernel wants powers of two");

static int open_ring(struct socket *s, unsigned index, const struct kind *kind,
                     const struct xdp_ring_offset *offset, struct ring *ring)
{
    const size_t len = offset->desc + kind->n * kind->entry_len;
    uint8_t *map =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, s->fd, kind->at);
    if (map == MAP_FAILED)
        return -errno;
    s->map[index] = map;
    s->map_len[index] = len;
    *ring = (struct ring){
        .shared_producer = (uint32_t *)(void *)(map + offset->producer),
        .shared_consumer = (uint32_t *)(void *)(map + offset->consumer),
        .flags = (const uint32_t *)(void *)(map + offset->flags),
        .entry = map + offset->desc,
        .mask = kind->n - 1,
    };
    return 0;
}

static int open_rings(struct socket *s)
{
    static const struct kind kind[] = {
        {XDP_UMEM_FILL_RING, XDP_UMEM_PGOFF_FILL_RING, SOCKET_RECEIVES, sizeof(uint64_t)},
        {XDP_UMEM_COMPLETION_RING, XDP_UMEM_PGOFF_COMPLETION_RING, SOCKET_SENDS, sizeof(uint64_t)},
        {XDP_RX_RING, XDP_PGOFF_RX_RING, SOCKET_RECEIVES, sizeof(struct xdp_desc)},
        {XDP_TX_RING, XDP_PGOFF_TX_RING, SOCKET_SENDS, sizeof(struct xdp_desc)},
    };
    struct ring *const ring[] = {&s->fill, &s->completion, &s->rx, &s->tx};
    struct xdp_mmap_offsets at;
    socklen_t len = sizeof at;
    int fault = 0;
    for (unsigned i = 0; i < 4 && !fault; i++)
        fault = set_int(s->fd, SOL_XDP, kind[i].option, (int)kind[i].n);
    if (!fault && getsockopt(s->fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &len) != 0)
        fault = -errno;
    if (!fault && len != sizeof at)
        fault = -EPROTO; // a kernel before 5.4 has no flags
    const struct xdp_ring_offset *const offset[] = {&at.fr, &at.cr, &at.rx, &at.tx};
    for (unsigned i = 0; i < 4 && !fault; i++)
        fault = open_ring(s, i, &kind[i], offset[i], ring[i]);
    return fault;
}

// A socket that was closed leaves its queue only when the kernel's work queue has freed its UMEM.
static int bind_to(int fd, const struct socket_plan *plan)
{
    const struct sockaddr_xdp name = {
        .sxdp_family = AF_XDP,
        .sxdp_ifindex = plan->ifindex,
        .sxdp_queue_id = plan->queue,
        .sxdp_flags =
            XDP_USE_NEED_WAKEUP | (plan->copying == SOCKET_ZERO_COPY ? XDP_ZEROCOPY : XDP_COPY),
    };
    for (unsigned i = 0;; i++) {
        if (bind(fd, (const struct sockaddr *)&name, sizeof name) == 0)
            return 0;
        if (errno != EBUSY || i == BIND_TRIES)
            return -errno;
        nanosleep(&(struct timespec){.tv_nsec = BIND_GAP_NS}, NULL);
    }
}

// A zero-copy queue is received within this process's own system calls, on its own core. In copy
// mode that would only cost a system call in each empty turn. Whatever is refused here is not
// needed.
static void set_options(struct socket *s, enum socket_copying copying)
{
    if (copying == SOCKET_COPY) {
        set_int(s->fd, SOL_XDP, XDP_MAX_TX_SKB_BUDGET, TX_BUDGET);
        set_int(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER);
        return;
    }
    s->busy_poll = set_int(s->fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, 1) == 0 &&
                   set_int(s->fd, SOL_SOCKET, SO_BUSY_POLL, BUSY_POLL_US) == 0 &&
                   set_int(s->fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, BUSY_POLL_BUDGET) == 0;
}

int socket_open(struct socket *s, const struct socket_plan *plan)
{
    *s = (struct socket){.fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0)};
    int fault = s->fd < 0 ? -errno : register_umem(s, plan);
    if (!fault)
        fault = open_rings(s);
    if (!fault) {
        set_options(s, plan->copying);
        fault = bind_to(s->fd, plan);
    }
    struct xdp_options got;
    socklen_t len = sizeof got;
    if (!fault && getsockopt(s->fd, SOL_XDP, XDP_OPTIONS, &got, &len) == 0)
        s->zero_copy = (got.flags & XDP_OPTIONS_ZEROCOPY) != 0;
    if (fault)
        socket_close(s);
    return fault;
}

void socket_close(struct socket *s)
{
    for (unsigned i = 0; i < 4; i++)
        if (s->map[i])
            munmap(s->map[i], s->map_len[i]);
    if (s->fd >= 0)
        close(s->fd);
    if (s->umem)
        munmap(s->umem, (size_t)SOCKET_FRAMES * SOCKET_FRAME_LEN);
    *s = (struct socket){.fd = -1};
}

struct socket_counts socket_counts(const struct socket *s)
{
    struct xdp_statistics is = {0};
    socklen_t len = sizeof is;
    if (getsockopt(s->fd, SOL_XDP, XDP_STATISTICS, &is, &len) != 0)
        return (struct socket_counts){0};
    return (struct socket_counts){
        .dropped = is.rx_dropped,
        .ring_full = is.rx_ring_full,
        .fill_empty = is.rx_fill_ring_empty_descs,
        .invalid = is.rx_invalid_descs + is.tx_invalid_descs,
    };
}

bool socket_cut_off(const struct socket *s)
{
    int fault = 0;
    socklen_t len = sizeof fault;
    return getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &fault, &len) == 0 && fault == ENETDOWN;
}
