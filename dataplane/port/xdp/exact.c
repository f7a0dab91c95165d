// The packet socket, and matching its stamps with the frames that they belong to.
#include "dataplane/port/xdp/exact.h"

#include "base/now.h"
#include "base/ntp_time.h"
#include "base/tsc.h"

#include <assert.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    SOFTWARE = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE,
    // With both, a frame that the device stamps has no stamp of the kernel's.
    HARDWARE = SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE,
    // Stamps bear the number of their frame, and come without the frame.
    OPTIONS = SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY,

    READ_MAX = 16,       // stamps read with one call
    LOOK_NS = 20000,     // after a look that found none, until the next
    CLOSED_MS = 1000,    // after the kernel has not taken a frame
    CLOCK_TRIES = 4,     // readings of the clock
    CLOCK_NARROW = 1000, // ticks: a reading of the clock that was not interrupted
    MS_NS = 1000000,
};

enum pending_state {
    PENDING_DONE, // reported, or not used yet
    PENDING_WAITS,
    PENDING_LOST, // to be reported
};

struct pending {
    uint64_t ticket;
    uint64_t began_ns;  // CLOCK_MONOTONIC
    uint64_t began_tsc; // just before
    enum pending_state state;
};

struct exact {
    int fd;
    bool hardware;
    uint32_t first; // the oldest frame that is not done
    uint32_t next;  // the next frame's number
    uint32_t base;  // the number of the frame that is 0 to the kernel
    uint64_t look_ns;
    uint64_t closed_ns; // until then; 0: it is open
    struct pending pending[EXACT_PENDING_MAX];
};

static struct pending *pending_of(struct exact *exact, uint32_t number)
{
    return &exact->pending[number % EXACT_PENDING_MAX];
}

// Does the device stamp frames that ask for it? The supervisor has switched that on.
static bool is_on(int fd, struct ifreq *request)
{
    struct hwtstamp_config config = {0};
    request->ifr_data = (void *)&config;
    return ioctl(fd, SIOCGHWTSTAMP, request) == 0 && config.tx_type != HWTSTAMP_TX_OFF;
}

// What stamps the driver can give, of those that are wanted. False: none.
static bool choose_stamps(struct exact *exact, unsigned ifindex, enum exact_stamps wanted)
{
    struct ethtool_ts_info info = {.cmd = ETHTOOL_GET_TS_INFO};
    struct ifreq request = {0};
    if (if_indextoname(ifindex, request.ifr_name) == NULL)
        return false;
    request.ifr_data = (void *)&info;
    if (ioctl(exact->fd, SIOCETHTOOL, &request) != 0)
        return false;
    exact->hardware = wanted == EXACT_HARDWARE &&
                      (info.so_timestamping & HARDWARE) == (uint32_t)HARDWARE &&
                      is_on(exact->fd, &request);
    return exact->hardware || (info.so_timestamping & SOF_TIMESTAMPING_TX_SOFTWARE) != 0;
}

// Numbers begin at 0 when the option is switched on.
static int number_from_0(const struct exact *exact)
{
    const int off = 0;
    const int on = SOFTWARE | OPTIONS | (exact->hardware ? HARDWARE : 0);
    if (setsockopt(exact->fd, SOL_SOCKET, SO_TIMESTAMPING, &off, sizeof off) != 0 ||
        setsockopt(exact->fd, SOL_SOCKET, SO_TIMESTAMPING, &on, sizeof on) != 0)
        return -errno;
    return 0;
}

static int prepare(struct exact *exact, unsigned ifindex, enum exact_stamps stamps)
{
    const int fd = exact->fd;
    // Without a protocol the socket receives nothing.
    const struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)ifindex};
    const int bypass = 1;
    if (!choose_stamps(exact, ifindex, stamps))
        return -EOPNOTSUPP;
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return -errno;
    // Straight to the driver, as AF_XDP does: a queueing discipline would hold frames back.
    if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof bypass) != 0)
        return -errno;
    return number_from_0(exact);
}

int exact_open(unsigned ifindex, enum exact_stamps stamps, struct exact **out)
{
    int fault = -ENOMEM;
    struct exact *exact = calloc(1, sizeof *exact);
    if (!exact)
        return fault;
    exact->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    fault = exact->fd < 0 ? -errno : prepare(exact, ifindex, stamps);
    if (fault)
        exact_close(exact);
    else
        *out = exact;
    return fault;
}

void exact_close(struct exact *exact)
{
    if (!exact)
        return;
    if (exact->fd >= 0)
        close(exact->fd);
    free(exact);
}

bool exact_is_hardware(const struct exact *exact)
{
    return exact->hardware;
}

unsigned exact_room(const struct exact *exact)
{
    if (exact->closed_ns != 0 && now_ns() < exact->closed_ns)
        return 0;
    return EXACT_PENDING_MAX - (exact->next - exact->first);
}

// Nobody knows whether the kernel has counted a frame that it did not take, so the numbers begin
// anew. A stamp of the old numbers that comes later is earlier than its new frame, and is refused.
static void begin_anew(struct exact *exact)
{
    for (uint32_t number = exact->first; number != exact->next; number++) {
        struct pending *pending = pending_of(exact, number);
        if (pending->state == PENDING_WAITS)
            pending->state = PENDING_LOST;
    }
    exact->base = exact->next;
    number_from_0(exact);
    exact->closed_ns = now_ns() + (uint64_t)CLOSED_MS * MS_NS;
}

bool exact_send(struct exact *exact, const uint8_t *frame, uint32_t len, uint64_t ticket)
{
    assert(exact_room(exact) > 0);
    const uint64_t began_tsc = tsc_now();
    const uint64_t began_ns = now_ns();
    if (sendto(exact->fd, frame, len, MSG_DONTWAIT, NULL, 0) != (ssize_t)len) {
        begin_anew(exact);
        return false;
    }
    exact->closed_ns = 0;
    *pending_of(exact, exact->next++) = (struct pending){
        .ticket = ticket,
        .began_ns = began_ns,
        .began_tsc = began_tsc,
        .state = PENDING_WAITS,
    };
    exact->look_ns = 0; // many drivers stamp within the call
    return true;
}

// A stamp as the kernel reports it.
struct stamp {
    uint32_t number;
    int64_t realtime_ns; // the kernel's; 0: there is none
    int64_t device_ns;   // the device's; 0: there is none
};

static int64_t ns_of(const struct timespec *t)
{
    return t->tv_sec * (int64_t)NS_PER_S + t->tv_nsec;
}

// What comes with one message of the error queue.
struct control {
    _Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(struct scm_timestamping)) +
                                       CMSG_SPACE(sizeof(struct sock_extended_err) +
                                                  sizeof(struct sockaddr_storage))];
};

static struct stamp stamp_of(struct msghdr *message)
{
    struct stamp stamp = {0};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPING) {
            struct scm_timestamping times;
            memcpy(&times, CMSG_DATA(c), sizeof times);
            stamp.realtime_ns = ns_of(&times.ts[0]);
            stamp.device_ns = ns_of(&times.ts[2]);
        } else if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_TX_TIMESTAMP) {
            struct sock_extended_err error;
            memcpy(&error, CMSG_DATA(c), sizeof error);
            stamp.number = error.ee_data;
        }
    }
    return stamp;
}

// Reads what has come. Returns the number of stamps.
static unsigned read_stamps(const struct exact *exact, struct stamp stamp[READ_MAX], unsigned most)
{
    struct mmsghdr message[READ_MAX] = {0};
    struct control control[READ_MAX];
    for (unsigned i = 0; i < most; i++) {
        message[i].msg_hdr.msg_control = &control[i];
        message[i].msg_hdr.msg_controllen = sizeof control[i];
    }
    int n = recvmmsg(exact->fd, message, most, MSG_ERRQUEUE | MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++)
        stamp[i] = stamp_of(&message[i].msg_hdr);
    return n > 0 ? (unsigned)n : 0;
}

// One moment on three clocks.
struct moments {
    uint64_t tsc; // not later than the others
    uint64_t monotonic_ns;
    int64_t realtime_ns;
};

static struct moments read_clocks(void)
{
    struct moments now;
    struct timespec t;
    for (unsigned i = 0; i < CLOCK_TRIES; i++) {
        now.tsc = tsc_now();
        clock_gettime(CLOCK_REALTIME, &t);
        if (tsc_now() - now.tsc < CLOCK_NARROW)
            break;
    }
    now.realtime_ns = ns_of(&t);
    now.monotonic_ns = now_ns();
    return now;
}

// The device's stamp, which dataplane/clock/departed.h turns into a departure.
static struct port_departure departure_by_device(const struct pending *pending,
                                                 const struct stamp *stamp,
                                                 const struct moments *now)
{
    return (struct port_departure){
        .ticket = pending->ticket,
        .known = true,
        .hardware = true,
        .stamp = (uint64_t)stamp->device_ns,
        .began = pending->began_tsc,
        .tsc = now->tsc,
    };
}

// Turns the kernel's stamp into a departure. It must lie between sending and now; otherwise it is
// another frame's, or CLOCK_REALTIME was stepped in between.
static struct port_departure departure_of(const struct pending *pending, const struct stamp *stamp,
                                          const struct moments *now)
{
    int64_t before_ns = now->realtime_ns - stamp->realtime_ns;
    bool known = stamp->realtime_ns != 0 && before_ns >= 0 &&
                 (uint64_t)before_ns <= now->monotonic_ns - pending->began_ns &&
                 before_ns <= UINT32_MAX;
    return (struct port_departure){
        .ticket = pending->ticket,
        .known = known,
        .before_ns = known ? (uint32_t)before_ns : 0,
        .tsc = now->tsc,
    };
}

// The frame of a stamp, or NULL when it is none that waits.
static struct pending *owner_of(struct exact *exact, const struct stamp *stamp)
{
    uint32_t number = exact->base + stamp->number;
    if (number - exact->first >= exact->next - exact->first)
        return NULL;
    struct pending *pending = pending_of(exact, number);
    return pending->state == PENDING_WAITS ? pending : NULL;
}

// Frees the places at the head of the queue whose frames are done, and reports those that are lost.
// A late frame is lost only if `all`: every stamp that had come has been read.
static unsigned give_up(struct exact *exact, const struct moments *now, bool all,
                        struct port_departure *out, unsigned most)
{
    unsigned n = 0;
    for (; exact->first != exact->next; exact->first++) {
        struct pending *pending = pending_of(exact, exact->first);
        bool late = now->monotonic_ns - pending->began_ns > (uint64_t)EXACT_LOST_MS * MS_NS;
        if (pending->state == PENDING_DONE)
            continue;
        if ((pending->state == PENDING_WAITS && !(late && all)) || n == most)
            break;
        out[n++] = (struct port_departure){.ticket = pending->ticket, .tsc = now->tsc};
        pending->state = PENDING_DONE;
    }
    return n;
}

unsigned exact_departures(struct exact *exact, struct port_departure *out, unsigned most)
{
    if (exact->first == exact->next || now_ns() < exact->look_ns)
        return 0;
    struct stamp stamp[READ_MAX];
    const unsigned room = most < READ_MAX ? most : READ_MAX;
    const unsigned n_stamps = read_stamps(exact, stamp, room);
    const struct moments now = read_clocks();
    unsigned n = 0;
    for (unsigned i = 0; i < n_stamps; i++) {
        struct pending *pending = owner_of(exact, &stamp[i]);
        if (pending == NULL)
            continue;
        out[n++] = stamp[i].device_ns != 0 ? departure_by_device(pending, &stamp[i], &now)
                                           : departure_of(pending, &stamp[i], &now);
        pending->state = PENDING_DONE;
    }
    // Otherwise the stamps of late ones may be the next to be read.
    const bool all = n_stamps < room;
    n += give_up(exact, &now, all, out + n, most - n);
    exact->look_ns = n_stamps > 0 ? 0 : now.monotonic_ns + LOOK_NS;
    return n;
}
