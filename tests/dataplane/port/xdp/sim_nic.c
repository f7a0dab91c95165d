#include "tests/dataplane/port/xdp/sim_nic.h"

#include "base/now.h"
#include "base/ntp_time.h"
#include "base/tsc.h"
#include "dataplane/port/xdp/steer.h"
#include "dataplane/port/xdp/tx_metadata.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_xdp.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { AT = 256 + 32, KEPT = 4096, FRAME_NS = 24, LATE_NS = 100000 };

// What the device has of one ring.
struct half {
    uint32_t producer, consumer, flags;
    union {
        struct xdp_desc desc[SOCKET_RECEIVES];
        uint64_t address[SOCKET_RECEIVES];
    };
};

static struct {
    struct sim_plan plan;
    struct half rx, tx, fill, completion;
    uint8_t *umem;
    uint64_t base; // TSC at which the clock was at its offset
    double hz;
    bool deaf, keeps; // does not read the ring; does not give buffers back
    uint64_t left;    // TSC: the last frame
    unsigned n_sent, n_completed;
    struct sim_sent sent[KEPT];
} nic;

// In ns of the device's clock since its base.
static double since(uint64_t tsc)
{
    return (double)(int64_t)(tsc - nic.base) * (NS_PER_S / nic.hz) *
           (1 + (double)nic.plan.drift_ppb / NS_PER_S);
}

uint64_t sim_reading(uint64_t tsc)
{
    return nic.plan.offset_ns + (uint64_t)(int64_t)floor(since(tsc));
}

// The first TSC at which the clock is there.
static uint64_t tsc_of(uint64_t reading)
{
    const double ns = (double)(int64_t)(reading - nic.plan.offset_ns);
    return nic.base + (uint64_t)(int64_t)ceil(ns / (1 + (double)nic.plan.drift_ppb / NS_PER_S) *
                                              (nic.hz / NS_PER_S));
}

static uint64_t ticks(double ns)
{
    return (uint64_t)(ns * nic.hz / NS_PER_S);
}

double sim_tsc_hz(void)
{
    return nic.hz;
}

static void measure_tsc(void)
{
    const uint64_t ns = now_ns(), tsc = tsc_now();
    while (now_ns() - ns < 20 * NOW_NS_PER_MS)
        continue;
    const uint64_t ended = tsc_now();
    nic.hz = (double)(ended - tsc) * NS_PER_S / (double)(now_ns() - ns);
}

void sim_start(const struct sim_plan *plan)
{
    const double hz = nic.hz;
    uint8_t *umem = nic.umem;
    memset(&nic, 0, sizeof nic);
    nic.plan = *plan;
    nic.hz = hz;
    nic.umem = umem ? umem : aligned_alloc(4096, (size_t)SOCKET_FRAMES * SOCKET_FRAME_LEN);
    assert(nic.umem);
    memset(nic.umem, 0xee, (size_t)SOCKET_FRAMES * SOCKET_FRAME_LEN);
    if (hz == 0)
        measure_tsc();
    nic.base = nic.left = tsc_now();
}

void sim_stall(bool reading, bool completing)
{
    nic.deaf = !reading;
    nic.keeps = !completing;
}

static struct ring ring_of(struct half *half, uint32_t n)
{
    return (struct ring){.shared_producer = &half->producer,
                         .shared_consumer = &half->consumer,
                         .flags = &half->flags,
                         .entry = half->desc,
                         .mask = n - 1};
}

int __wrap_socket_open(struct socket *socket, const struct socket_plan *plan);
int __wrap_socket_open(struct socket *socket, const struct socket_plan *plan)
{
    *socket = (struct socket){
        .fd = -1,
        .zero_copy = true,
        .busy_poll = true,
        .metadata = plan->metadata,
        .umem = nic.umem,
        .rx = ring_of(&nic.rx, SOCKET_RECEIVES),
        .tx = ring_of(&nic.tx, SOCKET_SENDS),
        .fill = ring_of(&nic.fill, SOCKET_RECEIVES),
        .completion = ring_of(&nic.completion, SOCKET_SENDS),
    };
    return 0;
}

void __wrap_socket_close(struct socket *socket);
void __wrap_socket_close(struct socket *socket)
{
    (void)socket;
}

// Lets that frame wait for its launch time.
static void launch(struct sim_sent *sent, uint64_t reading)
{
    sent->launched = true;
    if (nic.plan.launch == SIM_LAUNCH_IGNORED)
        return;
    if (nic.plan.launch == SIM_LAUNCH_COARSE)
        reading = reading / 256 * 256;
    const uint64_t at = tsc_of(reading) + (nic.plan.launch == SIM_LAUNCH_LATE ? ticks(LATE_NS) : 0);
    sent->late = (int64_t)(at - nic.left) < 0;
    if (!sent->late)
        nic.left = at;
}

static void send_one(const struct xdp_desc *desc)
{
    struct sim_sent *sent = &nic.sent[nic.n_sent++ % KEPT];
    struct tx_metadata metadata = {0};
    *sent = (struct sim_sent){.len = desc->len, .address = desc->addr};
    memcpy(sent->octets, nic.umem + desc->addr,
           desc->len < sizeof sent->octets ? desc->len : sizeof sent->octets);
    if ((desc->options & TX_METADATA_OPTION) != 0)
        memcpy(&metadata, nic.umem + desc->addr - sizeof metadata, sizeof metadata);
    nic.left += ticks(FRAME_NS);
    if ((metadata.flags & TX_METADATA_LAUNCH) != 0)
        launch(sent, metadata.launch);
    sent->left = nic.left;
    if ((metadata.flags & TX_METADATA_STAMP) == 0 || nic.plan.stamps == SIM_STAMPS_NONE)
        return;
    sent->stamped = true;
    assert(metadata.stamp == 0); // else the driver would be asked for a checksum there
    metadata.stamp = sim_reading(sent->left) + (nic.plan.stamps == SIM_STAMPS_OTHER ? 12345678 : 0);
    memcpy(nic.umem + desc->addr - sizeof metadata, &metadata, sizeof metadata);
}

// The doorbell's frames get the stamp of the last one.
static void stamp_as_last(unsigned first)
{
    struct tx_metadata metadata;
    for (unsigned i = first; i != nic.n_sent && nic.plan.stamps == SIM_STAMPS_LAST; i++) {
        if (!nic.sent[i % KEPT].stamped)
            continue;
        uint8_t *at = nic.umem + nic.sent[i % KEPT].address - sizeof metadata;
        memcpy(&metadata, at, sizeof metadata);
        metadata.stamp = sim_reading(nic.left);
        memcpy(at, &metadata, sizeof metadata);
    }
}

void sim_pump(void)
{
    const unsigned first = nic.n_sent;
    const uint64_t now = tsc_now() + ticks((double)nic.plan.latency_ns);
    if ((int64_t)(nic.left - now) < 0)
        nic.left = now;
    while (!nic.deaf && nic.tx.consumer != nic.tx.producer) {
        send_one(&nic.tx.desc[nic.tx.consumer % SOCKET_SENDS]);
        nic.tx.consumer++;
    }
    stamp_as_last(first);
    for (; !nic.keeps && nic.n_completed != nic.n_sent; nic.n_completed++) {
        struct sim_sent *sent = &nic.sent[nic.n_completed % KEPT];
        if ((int64_t)(tsc_now() - sent->left) < 0)
            break;
        sent->completed = true;
        nic.completion.address[nic.completion.producer++ % SOCKET_SENDS] = sent->address;
    }
}

ssize_t __wrap_sendto(int fd, const void *octets, size_t len, int flags, const void *name,
                      socklen_t name_len);
ssize_t __wrap_sendto(int fd, const void *octets, size_t len, int flags, const void *name,
                      socklen_t name_len)
{
    (void)fd, (void)octets, (void)len, (void)flags, (void)name, (void)name_len;
    sim_pump();
    return 0;
}

ssize_t __wrap_recvfrom(int fd, void *octets, size_t len, int flags, void *name, socklen_t *n);
ssize_t __wrap_recvfrom(int fd, void *octets, size_t len, int flags, void *name, socklen_t *n)
{
    (void)fd, (void)octets, (void)len, (void)flags, (void)name, (void)n;
    sim_pump();
    errno = EAGAIN;
    return -1;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    (void)fds, (void)n, (void)timeout;
    return 0;
}

int __wrap___poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t len);
int __wrap___poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t len)
{
    (void)len;
    return __wrap_poll(fds, n, timeout);
}

uint64_t sim_receive(const uint8_t *frame, uint32_t len)
{
    assert(nic.fill.consumer != nic.fill.producer);
    const uint64_t at = nic.fill.address[nic.fill.consumer++ % SOCKET_RECEIVES] + AT;
    struct steer_stamp *stamp = (struct steer_stamp *)(void *)(nic.umem + at) - 1;
    memcpy(nic.umem + at, frame, len);
    const uint64_t arrived = tsc_now();
    *stamp = (struct steer_stamp){sim_reading(arrived), now_ns(), STEER_STAMP_MAGIC};
    nic.rx.desc[nic.rx.producer % SOCKET_RECEIVES] = (struct xdp_desc){.addr = at, .len = len};
    nic.rx.producer++;
    return arrived;
}

unsigned sim_n_sent(void)
{
    return nic.n_sent;
}

const struct sim_sent *sim_sent(unsigned number)
{
    assert(nic.n_sent - number <= KEPT);
    return &nic.sent[number % KEPT];
}

static uint64_t read_tsc(void *self)
{
    (void)self;
    return tsc_now_ordered();
}

static int64_t read_ns(void *self)
{
    (void)self;
    return (int64_t)sim_reading(tsc_now_ordered());
}

static int read_clock(void *self, struct time_sample *sample)
{
    (void)self;
    *sample = time_sample_take(&(struct time_readers){.tsc = read_tsc, .ns = read_ns});
    return 0;
}

const struct port_clock *sim_clock(void)
{
    static const struct port_clock clock = {.name = "simulated", .read = read_clock};
    return &clock;
}
