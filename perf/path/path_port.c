// A path over a DPDK port. It writes whole frames, so it can use all addresses of its prefix. One
// thread; on the hot path only the port's driver makes system calls.
#include "base/log.h"
#include "perf/path/frame_out.h"
#include "perf/path/neighbour.h"
#include "perf/path/path.h"
#include "perf/path/route.h"
#include "perf/path/way.h"
#include "perf/port/tester_port.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    LINK_WAIT_MS = 15000, // a server that restarts may take up to 5 s
};
static_assert((int)PATH_TAGS_MAX == (int)VLAN_TAGS_MAX, "a template has room for a plan's tags");

struct path_port {
    struct path path;
    struct path_kind kind;
    struct tester_port *port;
    struct frames_queue *queue; // requests leave through the first; replies can come to any of them
    uint32_t n_queues;
    uint32_t at;  // the queue of the last receive
    bool entered; // the thread is registered with DPDK
    int groups;   // descriptor of route_hear_groups, or -1

    struct way way;
    uint8_t mac[6];
    struct frame_out out;   // with our source addresses
    struct frame_out flood; // with spoofed source addresses
    struct frames lent;
    struct frames received;
    unsigned n_received;
};

static struct path_port *own(struct path *path)
{
    return (struct path_port *)path; // base is its first member
}

static void enter(struct path_port *p)
{
    if (!p->entered)
        tester_port_thread_enter();
    p->entered = true;
}

static unsigned lease(struct path *path, struct path_out *out, unsigned n)
{
    struct path_port *p = own(path);
    enter(p);
    n = frames_lend(&p->queue[0], &p->lent, n);
    for (unsigned i = 0; i < n; i++)
        out->payload[i] = p->lent.frame[i] + p->out.len;
    return n;
}

static unsigned send_burst(struct path *path, struct path_out *out, unsigned from, unsigned n)
{
    struct path_port *p = own(path);
    for (unsigned i = from; i < from + n; i++) {
        bool spoofed = (out->endpoint[i] & PATH_SPOOFED) != 0;
        const struct endpoints *who = spoofed ? &p->way.spoofed : &p->way.ours;
        uint32_t number = out->endpoint[i] & ~PATH_SPOOFED;
        if (spoofed)
            number %= endpoints_n(who);
        uint16_t port;
        uint64_t low = endpoints_low(who, number, &port);
        p->lent.len[i] = frame_out_write(spoofed ? &p->flood : &p->out, p->lent.frame[i], low, port,
                                         out->len[i]);
    }
    return frames_send(&p->queue[0], &p->lent, from, n);
}

// The endpoint that a datagram from the server came to; ENDPOINTS_NONE: it is for none of them.
static int64_t endpoint_of(struct path_port *p, const uint8_t *frame, const struct datagram *d)
{
    const struct way *way = &p->way;
    const uint8_t *ip = frame + d->ip_at;
    uint64_t from_high = 0, from, high = 0, low;
    if (d->ip_version == 4) {
        from = be32_get(ip + 12);
        low = be32_get(ip + 16);
    } else {
        from_high = be64_get(ip + 8);
        from = be64_get(ip + 16);
        high = be64_get(ip + 24);
        low = be64_get(ip + 32);
    }
    if (d->ip_version != p->out.version || from_high != way->server.high ||
        from != way->server.low || d->source_port != way->server_port)
        return ENDPOINTS_NONE;
    int64_t number = endpoints_find(&way->ours, high, low, d->destination_port);
    if (number == ENDPOINTS_NONE &&
        endpoints_find(&way->spoofed, high, low, d->destination_port) != ENDPOINTS_NONE)
        p->path.n_spoofed_replies++;
    return number;
}

// A frame without UDP may be ARP or ND for our addresses.
static void answer_neighbour(struct path_port *p, const uint8_t *frame, uint32_t len)
{
    uint8_t answer[NEIGHBOUR_FRAME_MAX];
    uint32_t answer_len = neighbour_answer(&p->way.ours, p->mac, frame, len, answer);
    if (answer_len > 0)
        frames_send_copy(&p->queue[p->at], answer, (uint16_t)answer_len);
}

static unsigned sort(struct path_port *p, struct path_in *in)
{
    unsigned n = 0;
    for (unsigned i = 0; i < p->n_received; i++) {
        const uint8_t *frame = p->received.frame[i];
        struct datagram d;
        if (frame_open(frame, p->received.len[i], &d) != FRAME_GOOD) {
            answer_neighbour(p, frame, p->received.len[i]);
            continue;
        }
        int64_t endpoint = endpoint_of(p, frame, &d);
        if (endpoint == ENDPOINTS_NONE)
            continue;
        in->payload[n] = frame + d.payload_at;
        in->len[n] = d.payload_len;
        in->endpoint[n++] = (uint32_t)endpoint;
    }
    return n;
}

static void give_back(struct path_port *p)
{
    frames_release(&p->queue[p->at], p->n_received);
    p->n_received = 0;
}

static unsigned receive(struct path *path, struct path_in *in)
{
    struct path_port *p = own(path);
    enter(p);
    for (uint32_t i = 0; i < p->n_queues; i++) {
        p->at = p->at + 1 < p->n_queues ? p->at + 1 : 0;
        p->n_received = frames_receive(&p->queue[p->at], &p->received);
        unsigned n = p->n_received > 0 ? sort(p, in) : 0;
        if (n > 0)
            return n;
        give_back(p);
    }
    return 0;
}

static void release(struct path *path, struct path_in *in, unsigned n)
{
    (void)in;
    if (n > 0) // otherwise receive has given back all
        give_back(own(path));
}

static void wait_ns(struct path *path, uint64_t ns)
{
    (void)path;
    (void)ns;
    __builtin_ia32_pause();
}

static uint64_t missed(struct path *path)
{
    return tester_port_missed(own(path)->port);
}

static void close_port(struct path *path)
{
    struct path_port *p = own(path);
    tester_port_close(p->port);
    if (p->groups >= 0)
        close(p->groups);
    free(p);
}

static int wait_for_link(const struct path_port *p, const char *device, char why[WHY_LEN])
{
    for (int i = 0; i < LINK_WAIT_MS / 10; i++) {
        if (tester_port_link_up(p->port))
            return 0;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return way_fail(why, -ENETDOWN, "%s has no link; start its peer or plug in the cable", device);
}

static int open_device(struct path_port *p, const struct path_plan *plan, char why[WHY_LEN])
{
    log_divert(why, WHY_LEN);
    int fault = tester_port_open(plan->device, p->way.ifindex != 0, plan->cpu, &p->port);
    log_divert(NULL, 0);
    if (fault && why[0] == '\0')
        way_fail(why, fault, "%s: cannot open it: %s", plan->device, strerror(-fault));
    return fault;
}

static struct replies_range range_of(const struct endpoints *e)
{
    return (struct replies_range){.high = e->high, .first = e->first, .n = e->n_addresses};
}

// Makes the XDP program take the replies for our addresses, from now on.
static int take_replies(const struct path_port *p, char why[WHY_LEN])
{
    const struct way *way = &p->way;
    struct replies_rule rule = {
        .server = {.high = way->server.high, .first = way->server.low, .n = 1},
        .source = range_of(&way->ours),
        .spoofed = range_of(&way->spoofed),
        .server_port = way->server_port,
        .first_port = way->ours.first_port,
        .n_ports = way->ours.n_ports,
        .version = way->server.family == AF_INET ? 4 : 6,
        .answers = way->answers,
    };
    log_divert(why, WHY_LEN);
    int fault = tester_port_take(p->port, &rule);
    log_divert(NULL, 0);
    return fault;
}

static void prepare(struct path_port *p, const struct path_plan *plan)
{
    const struct way *way = &p->way;
    struct frame_ends ends = {
        .n_tags = plan->n_tags,
        .server = way->server,
        .server_port = way->server_port,
        .high = way->ours.high,
    };
    memcpy(ends.mac, p->mac, 6);
    memcpy(ends.next_mac, way->next_mac, 6);
    memcpy(ends.tag, plan->tag, sizeof ends.tag);
    frame_out_prepare(&p->out, &ends);
    ends.high = way->spoofed.high;
    frame_out_prepare(&p->flood, &ends);
}

static int bring_up(struct path_port *p, const struct path_plan *plan, char why[WHY_LEN])
{
    int fault = way_find(plan, &p->way, why);
    if (!fault)
        fault = open_device(p, plan, why);
    if (!fault)
        fault = wait_for_link(p, plan->device, why);
    if (!fault)
        fault = take_replies(p, why);
    if (fault)
        return fault;
    tester_port_mac(p->port, p->mac);
    p->queue = tester_port_queues(p->port, &p->n_queues);
    if (p->way.ifindex != 0 && p->way.answers && p->way.server.family == AF_INET6)
        p->groups = route_hear_groups(p->way.ifindex);
    if (!p->way.knows_mac)
        fault = way_resolve(plan, &p->queue[0], p->mac, &p->way, why);
    prepare(p, plan);
    return fault;
}

static const struct path_kind kind_of_ports = {
    .lease = lease,
    .send = send_burst,
    .receive = receive,
    .release = release,
    .wait = wait_ns,
    .missed = missed,
    .close = close_port,
};

int path_port_open(const struct path_plan *plan, struct path **path, char why[256])
{
    static atomic_flag opened = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&opened))
        return way_fail(why, -EBUSY, "%s: DPDK starts only once in a process; use one device",
                        plan->device);
    cpu_set_t allowed;
    bool known = sched_getaffinity(0, sizeof allowed, &allowed) == 0;
    struct path_port *p = calloc(1, sizeof *p);
    if (!p)
        return way_fail(why, -ENOMEM, "out of memory");
    p->groups = -1;
    p->kind = kind_of_ports;
    p->path.kind = &p->kind;
    int fault = bring_up(p, plan, why);
    if (known) // DPDK has moved the thread off the polling CPU; this restores its CPUs
        sched_setaffinity(0, sizeof allowed, &allowed);
    if (fault) {
        close_port(&p->path);
        return fault;
    }
    p->kind.name = tester_port_driver(p->port);
    p->path.n_endpoints = endpoints_n(&p->way.ours);
    *path = &p->path;
    return 0;
}
