// port.h over a UDP socket. Each lane has two buffers of this process, so nothing is to give back.
#include "dataplane/port/socket/udp_queue.h"

#include "base/bytes.h"
#include "base/now.h"
#include "base/time_namespace.h"
#include "board/counters.h"
#include "dataplane/port/paced.h"
#include "dataplane/port/socket/headers.h"
#include "dataplane/wire/frame.h"

#include <assert.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

// A datagram that is too long for a frame fills its buffer, and is then an oversized frame.
enum { BUFFER_LEN = 2048, MOST = FRAME_MAX + 1 };
static_assert(MOST <= BUFFER_LEN, "a frame fits one buffer");

enum { NS_PER_S = 1000000000 };

union peer {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

// Room for the ancillary data of either family, and of the stamp.
enum {
    ANCILLARY_LEN = CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct timespec)),
};

// What belongs to one message of recvmmsg.
struct slot {
    _Alignas(64) uint8_t request[BUFFER_LEN];
    _Alignas(64) uint8_t reply[BUFFER_LEN];
    union peer peer;
    _Alignas(struct cmsghdr) uint8_t told[ANCILLARY_LEN];
    _Alignas(struct cmsghdr) uint8_t answer[ANCILLARY_LEN];
    struct iovec in;
    struct iovec out;
};

struct udp_queue {
    struct port port;
    struct udp_queue_setup is;
    int64_t namespace_ns; // this process's CLOCK_MONOTONIC minus the kernel's own
    struct wall_offset own_offset;
    _Atomic uint64_t own_stale;
    unsigned ip_version;
    unsigned headers_len;
    uint16_t udp_port;
    uint8_t slot_of[LANES]; // by lane
    struct mmsghdr in[LANES];
    struct mmsghdr out[LANES];
    struct slot slot[LANES];
};
static_assert(LANES - 1 <= UINT8_MAX, "a slot's number is an octet");

static struct udp_queue *queue_of(struct port *port)
{
    static_assert(offsetof(struct udp_queue, port) == 0, "a port is the beginning of its queue");
    return (struct udp_queue *)port;
}

// What the kernel tells of a datagram beside its payload.
struct told {
    uint8_t destination[16];
    int64_t wall_ns; // 0: no stamp
};

// ipi_addr is the destination in the header, ipi_spec_dst the local address that belongs to it: for
// a broadcast or a group they differ. Then the destination stays 0.0.0.0, which parse takes for a
// group, because it cannot know the subnet's broadcast address.
static void read_pktinfo_v4(const struct cmsghdr *c, uint8_t *destination)
{
    struct in_pktinfo info;
    memcpy(&info, CMSG_DATA(c), sizeof info);
    if (info.ipi_addr.s_addr == info.ipi_spec_dst.s_addr)
        memcpy(destination, &info.ipi_addr, 4);
}

static void read_told(struct msghdr *m, struct told *told)
{
    *told = (struct told){0};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            read_pktinfo_v4(c, told->destination);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            memcpy(told->destination, CMSG_DATA(c), sizeof told->destination);
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec stamp;
            memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
            told->wall_ns = (int64_t)stamp.tv_sec * NS_PER_S + stamp.tv_nsec;
        }
    }
}

static uint64_t monotonic_ns(const struct udp_queue *q)
{
    return now_ns() - (uint64_t)q->namespace_ns;
}

static void note_offset(const struct udp_queue *q)
{
    struct timespec wall;
    const uint64_t before = monotonic_ns(q);
    clock_gettime(CLOCK_REALTIME, &wall);
    const uint64_t after = monotonic_ns(q);
    wall_offset_note(q->is.offset, before, (int64_t)wall.tv_sec * NS_PER_S + wall.tv_nsec, after);
}

// Sets the lane's stamp, if it can be trusted. False: it has waited too long.
static bool take_stamp(const struct udp_queue *q, struct burst *burst, unsigned lane,
                       int64_t wall_ns, uint64_t now)
{
    uint64_t at = 0;
    const bool trusted = wall_offset_convert(q->is.offset, wall_ns, &at);
    const int64_t waited = (int64_t)(now - at);
    const int64_t most =
        (int64_t)(trusted ? UDP_QUEUE_WAIT_MS : UDP_QUEUE_UNSTAMPED_WAIT_MS) * NOW_NS_PER_MS;
    if (waited > most || waited < -most)
        return false;
    burst->stamp[lane] = at;
    burst->stamped |= (lane_set)trusted << lane;
    return true;
}

// Writes the frame of the message into its buffer and lends it as that lane.
static void lend(struct udp_queue *q, struct burst *burst, unsigned lane, unsigned message,
                 const struct told *told)
{
    struct slot *s = &q->slot[message];
    const uint32_t payload_len = q->in[message].msg_len;
    const bool v4 = q->ip_version == 4;
    const struct headers headers = {
        .ip_version = (uint8_t)q->ip_version,
        .source = v4 ? (const uint8_t *)&s->peer.v4.sin_addr : s->peer.v6.sin6_addr.s6_addr,
        .destination = told->destination,
        .source_port = ntohs(v4 ? s->peer.v4.sin_port : s->peer.v6.sin6_port),
        .destination_port = q->udp_port,
    };
    headers_write(s->request, &headers, payload_len);
    q->slot_of[lane] = (uint8_t)message;
    burst->frame[lane] = s->request;
    burst->len[lane] = (uint16_t)(q->headers_len + payload_len);
    burst->reply[lane] = s->reply;
}

// The kernel shortens these to what it has written.
static void make_room(struct udp_queue *q, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        q->in[i].msg_hdr.msg_namelen = sizeof(union peer);
        q->in[i].msg_hdr.msg_controllen = ANCILLARY_LEN;
    }
}

// The offset is noted after the datagrams have come, so that a step before their stamps is known.
static lane_set udp_rx(struct port *port, struct burst *burst)
{
    struct udp_queue *q = queue_of(port);
    const int n = recvmmsg(q->is.fd, q->in, LANES, MSG_DONTWAIT, NULL);
    note_offset(q);
    burst->drained = n < BURST_DRAINED;
    burst->stamped = burst->hardware = 0;
    burst->from_kernel = true;
    if (n <= 0)
        return 0;
    const uint64_t now = monotonic_ns(q);
    unsigned lanes = 0;
    for (unsigned i = 0; i < (unsigned)n; i++) {
        struct told told;
        read_told(&q->in[i].msg_hdr, &told);
        if (take_stamp(q, burst, lanes, told.wall_ns, now))
            lend(q, burst, lanes++, i, &told);
    }
    make_room(q, (unsigned)n);
    counter_add(q->is.stale, (unsigned)n - lanes);
    counter_add(&port->stamped, lane_count(burst->stamped));
    counter_add(&port->unstamped, lanes - lane_count(burst->stamped));
    return lane_first(lanes);
}

static bool is_link_local(const uint8_t *address)
{
    return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

// The reply leaves from the address that was asked. Its way is the routing table's, but for a
// link-local address, which is nothing without its interface.
static void write_source(const struct udp_queue *q, const uint8_t *frame, struct slot *s,
                         struct msghdr *m)
{
    const uint8_t *own = frame + q->headers_len - UDP_LEN - (q->ip_version == 4 ? 4 : 16);
    struct cmsghdr *c = (struct cmsghdr *)(void *)s->answer;
    m->msg_control = c;
    if (q->ip_version == 4) {
        struct in_pktinfo info = {0};
        memcpy(&info.ipi_spec_dst, own, sizeof info.ipi_spec_dst);
        *c = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
        memcpy(CMSG_DATA(c), &info, sizeof info);
        m->msg_controllen = CMSG_SPACE(sizeof info);
        return;
    }
    struct in6_pktinfo info = {0};
    memcpy(&info.ipi6_addr, own, sizeof info.ipi6_addr);
    if (is_link_local(own))
        info.ipi6_ifindex = s->peer.v6.sin6_scope_id;
    *c = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO};
    memcpy(CMSG_DATA(c), &info, sizeof info);
    m->msg_controllen = CMSG_SPACE(sizeof info);
}

struct sending {
    struct udp_queue *queue;
    lane_set refused; // by place in queue->out
};

// A reply that the kernel refuses (a packet filter, no route) must not hold up those behind it.
static uint16_t send_some(void *self, uint16_t from, uint16_t n)
{
    struct sending *s = self;
    for (unsigned done = 0; done < n;) {
        const int sent =
            sendmmsg(s->queue->is.fd, &s->queue->out[from + done], n - done, MSG_DONTWAIT);
        if (sent <= 0)
            s->refused |= lane_bit(from + done);
        done += sent <= 0 ? 1 : (unsigned)sent;
    }
    return n;
}

static lane_set udp_tx(struct port *port, struct burst *burst, lane_set answer)
{
    struct udp_queue *q = queue_of(port);
    struct sending sending = {.queue = q};
    uint16_t n = 0;
    for (lane_set rest = answer; rest != 0; n++) {
        const unsigned lane = lane_take(&rest);
        struct slot *s = &q->slot[q->slot_of[lane]];
        struct msghdr *m = &q->out[n].msg_hdr;
        s->out.iov_base = burst->reply[lane] + q->headers_len;
        s->out.iov_len = burst->reply_len[lane] - q->headers_len;
        *m = (struct msghdr){.msg_name = &s->peer,
                             .msg_namelen =
                                 q->ip_version == 4 ? sizeof s->peer.v4 : sizeof s->peer.v6,
                             .msg_iov = &s->out,
                             .msg_iovlen = 1};
        write_source(q, burst->frame[lane], s, m);
    }
    if (n == 0)
        return 0;
    paced_send(burst, n, send_some, &sending);
    lane_set gone = 0;
    for (unsigned i = 0; answer != 0; i++) {
        const unsigned lane = lane_take(&answer);
        if (!(sending.refused & lane_bit(i)))
            gone |= lane_bit(lane);
    }
    return gone;
}

static void udp_drop(struct port *port, struct burst *burst, lane_set drop)
{
    (void)port;
    (void)burst;
    (void)drop;
}

static const struct port_calls calls = {.rx = udp_rx, .tx = udp_tx, .drop = udp_drop};

// Its family and its port.
static int look_at_socket(struct udp_queue *q)
{
    union peer own;
    socklen_t len = sizeof own;
    if (getsockname(q->is.fd, &own.any, &len) != 0)
        return -errno;
    const bool v4 = own.any.sa_family == AF_INET;
    q->ip_version = v4 ? 4 : 6;
    q->headers_len = headers_len(q->ip_version);
    q->udp_port = ntohs(v4 ? own.v4.sin_port : own.v6.sin6_port);
    return 0;
}

int udp_queue_open(const struct udp_queue_setup *setup, struct udp_queue **out)
{
    static_assert(sizeof(struct udp_queue) % 64 == 0, "as aligned_alloc demands");
    struct udp_queue *q = aligned_alloc(64, sizeof *q);
    if (!q)
        return -ENOMEM;
    memset(q, 0, sizeof *q);
    q->is = *setup;
    q->namespace_ns = time_namespace_ns();
    if (!q->is.offset) {
        q->own_offset = *setup->known;
        q->is.offset = &q->own_offset;
    }
    if (!q->is.stale)
        q->is.stale = &q->own_stale;
    q->port.calls = &calls;
    q->port.descriptor = setup->fd;
    q->port.addresses = setup->addresses;
    const int fault = look_at_socket(q);
    if (fault) {
        free(q);
        return fault;
    }
    for (unsigned i = 0; i < LANES; i++) {
        struct slot *s = &q->slot[i];
        s->in = (struct iovec){s->request + q->headers_len, MOST - q->headers_len};
        q->in[i].msg_hdr = (struct msghdr){
            .msg_name = &s->peer, .msg_iov = &s->in, .msg_iovlen = 1, .msg_control = s->told};
    }
    make_room(q, LANES);
    note_offset(q);
    *out = q;
    return 0;
}

struct port *udp_queue_port(struct udp_queue *queue)
{
    return &queue->port;
}

uint64_t udp_queue_missed(const struct udp_queue *queue)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof info;
    getsockopt(queue->is.fd, SOL_SOCKET, SO_MEMINFO, info, &len);
    return info[SK_MEMINFO_DROPS] + atomic_load_explicit(&queue->own_stale, memory_order_relaxed);
}

void udp_queue_close(struct udp_queue *queue)
{
    free(queue);
}
