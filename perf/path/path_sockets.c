// The path over kernel sockets. Each endpoint has a connected UDP socket, so that the kernel drops
// packets that are not from the server. Bursts use sendmmsg and recvmmsg. Needs no privilege.
#include "perf/path/path.h"
#include "perf/path/stamps.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
    ENDPOINTS_MAX = 4096,
    BUFFER_LEN = 16 << 20, // of a socket; the kernel may limit it
    SLOT_LEN = PATH_PAYLOAD_MAX + 64,
};
static_assert(SLOT_LEN >= PATH_PAYLOAD_MAX + PATH_BEHIND,
              "PATH_BEHIND octets after a payload may be read");

struct sockets {
    struct path path;
    int epoll;
    int *fd;
    struct stamps *stamps;         // NULL: not requested
    struct mmsghdr message[LANES]; // for both directions; filled for each call
    struct iovec part[LANES];
    uint8_t leaving[LANES][SLOT_LEN];
    uint8_t arrived[LANES][SLOT_LEN];
};

static struct sockets *sockets_of(struct path *path)
{
    return (struct sockets *)path;
}

static unsigned sockets_lease(struct path *path, struct path_out *out, unsigned n)
{
    struct sockets *s = sockets_of(path);
    for (unsigned i = 0; i < n; i++)
        out->payload[i] = s->leaving[i];
    return n;
}

// The number of consecutive datagrams of one endpoint, from index `from` on.
static unsigned run_of_endpoint(const struct path_out *out, unsigned from, unsigned n)
{
    unsigned len = 1;
    while (len < n && out->endpoint[from + len] == out->endpoint[from])
        len++;
    return len;
}

static unsigned sockets_send(struct path *path, struct path_out *out, unsigned from, unsigned n)
{
    struct sockets *s = sockets_of(path);
    unsigned done = 0;
    while (done < n) {
        unsigned run = run_of_endpoint(out, from + done, n - done);
        for (unsigned i = 0; i < run; i++) {
            unsigned lane = from + done + i;
            s->part[i] = (struct iovec){out->payload[lane], out->len[lane]};
            s->message[i].msg_hdr = (struct msghdr){.msg_iov = &s->part[i], .msg_iovlen = 1};
        }
        int fd = s->fd[out->endpoint[from + done]];
        int sent = sendmmsg(fd, s->message, run, MSG_DONTWAIT);
        // The kernel reports an ICMP error of an earlier request once, as the error of a send.
        if (sent < 0 && errno == ECONNREFUSED) {
            path->refused++;
            sent = sendmmsg(fd, s->message, run, MSG_DONTWAIT);
        }
        if (sent <= 0)
            break;
        done += (unsigned)sent;
        if ((unsigned)sent < run)
            break;
    }
    return done;
}

static unsigned take(struct sockets *s, struct path_in *in, unsigned n, uint32_t endpoint)
{
    for (unsigned i = n; i < LANES; i++) {
        s->part[i] = (struct iovec){s->arrived[i], PATH_PAYLOAD_MAX};
        s->message[i].msg_hdr = (struct msghdr){.msg_iov = &s->part[i], .msg_iovlen = 1};
        if (s->stamps)
            stamps_expect(s->stamps, &s->message[i].msg_hdr, i);
    }
    int got = recvmmsg(s->fd[endpoint], s->message + n, LANES - n, MSG_DONTWAIT, NULL);
    if (got < 0) {
        s->path.refused += errno == ECONNREFUSED;
        return 0;
    }
    for (unsigned i = n; i < n + (unsigned)got; i++) {
        in->payload[i] = s->arrived[i];
        in->len[i] = (uint16_t)s->message[i].msg_len;
        in->endpoint[i] = endpoint;
        if (s->stamps)
            in->stamp_ns[i] = stamps_of(&s->message[i].msg_hdr);
    }
    return (unsigned)got;
}

static unsigned sockets_receive(struct path *path, struct path_in *in)
{
    enum { EVENTS = 16 };
    struct sockets *s = sockets_of(path);
    if (path->n_endpoints == 1)
        return take(s, in, 0, 0);
    struct epoll_event event[EVENTS];
    int ready = epoll_wait(s->epoll, event, EVENTS, 0);
    unsigned n = 0;
    for (int i = 0; i < ready && n < LANES; i++)
        n += take(s, in, n, event[i].data.u32);
    return n;
}

static void sockets_release(struct path *path, struct path_in *in, unsigned n)
{
    (void)path;
    (void)in;
    (void)n;
}

static void sockets_wait(struct path *path, uint64_t ns)
{
    struct epoll_event event;
    struct timespec span = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    epoll_pwait2(sockets_of(path)->epoll, &event, 1, &span, NULL);
}

static unsigned sockets_sent(struct path *path, struct path_sent *sent)
{
    return stamps_take(sockets_of(path)->stamps, sent);
}

static uint64_t sockets_missed(struct path *path)
{
    struct sockets *s = sockets_of(path);
    uint64_t missed = 0;
    for (uint32_t i = 0; i < path->n_endpoints; i++) {
        uint32_t info[SK_MEMINFO_VARS] = {0};
        socklen_t len = sizeof info;
        if (getsockopt(s->fd[i], SOL_SOCKET, SO_MEMINFO, info, &len) == 0)
            missed += info[SK_MEMINFO_DROPS];
    }
    return missed;
}

static void sockets_close(struct path *path)
{
    struct sockets *s = sockets_of(path);
    for (uint32_t i = 0; s->fd && i < path->n_endpoints; i++)
        if (s->fd[i] >= 0)
            close(s->fd[i]);
    if (s->epoll >= 0)
        close(s->epoll);
    stamps_close(s->stamps);
    free(s->fd);
    free(s);
}

static const struct path_kind sockets_kind = {
    .name = "sockets",
    .lease = sockets_lease,
    .send = sockets_send,
    .receive = sockets_receive,
    .release = sockets_release,
    .wait = sockets_wait,
    .sent = sockets_sent,
    .missed = sockets_missed,
    .close = sockets_close,
};

static socklen_t address_len(int family)
{
    return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

// The address of the prefix at offset `add`, with a port.
static struct sockaddr_storage source_of(const struct path_plan *plan, uint32_t add, uint16_t port)
{
    struct sockaddr_storage address = {.ss_family = plan->server.ss_family};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
    uint8_t *octets =
        address.ss_family == AF_INET ? (uint8_t *)&v4->sin_addr : v6->sin6_addr.s6_addr;
    unsigned len = address.ss_family == AF_INET ? 4 : 16;
    if (address.ss_family == AF_INET)
        v4->sin_port = htons(port);
    else
        v6->sin6_port = htons(port);
    if (plan->source.family != 0)
        memcpy(octets, plan->source.octets, len);
    for (unsigned i = len; add > 0 && i-- > 0; add >>= 8) {
        add += octets[i];
        octets[i] = (uint8_t)add;
    }
    return address;
}

static int open_endpoint(const struct path_plan *plan, struct sockets *s, uint32_t number)
{
    int family = plan->server.ss_family;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    s->fd[number] = fd;
    static const int wanted = BUFFER_LEN;
    static const int options[] = {SO_RCVBUF, SO_SNDBUF, SO_RCVBUFFORCE, SO_SNDBUFFORCE};
    for (unsigned i = 0; i < sizeof options / sizeof *options; i++)
        (void)setsockopt(fd, SOL_SOCKET, options[i], &wanted, sizeof wanted);
    if (plan->source.family != 0 || plan->first_port != 0) {
        uint16_t n_ports = plan->n_ports > 0 ? plan->n_ports : 1;
        uint16_t port = plan->first_port == 0 ? 0 : (uint16_t)(plan->first_port + number % n_ports);
        struct sockaddr_storage from = source_of(plan, number / n_ports, port);
        if (bind(fd, (struct sockaddr *)&from, address_len(family)) != 0)
            return -errno;
    }
    if (connect(fd, (const struct sockaddr *)&plan->server, address_len(family)) != 0)
        return -errno;
    int fault = s->stamps ? stamps_add(s->stamps, fd, number) : 0;
    if (fault)
        return fault;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
    return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static uint16_t server_port(const struct path_plan *plan)
{
    const struct sockaddr_storage *server = &plan->server;
    return ntohs(server->ss_family == AF_INET ? ((const struct sockaddr_in *)server)->sin_port
                                              : ((const struct sockaddr_in6 *)server)->sin6_port);
}

static const char *advice_of(int fault)
{
    switch (fault) {
    case -EADDRNOTAVAIL:
        return "the source is not an address of this machine: add it, or use --port";
    case -EADDRINUSE:
        return "the source port is in use: give another --source-port";
    case -EMFILE:
        return "raise 'ulimit -n' or use fewer source ports";
    case -ENETUNREACH:
    case -EHOSTUNREACH:
        return "there is no route to the server";
    default:
        return "cannot open a socket";
    }
}

int path_sockets_open(const struct path_plan *plan, struct path **path, char why[256])
{
    uint32_t n_ports = plan->n_ports > 0 ? plan->n_ports : 1;
    uint32_t n_addresses = plan->n_addresses > 0 ? plan->n_addresses : 1;
    if (plan->spoofed.family != 0 || plan->n_tags > 0) {
        snprintf(why, 256, "sockets can neither spoof addresses nor set VLAN tags; use --port");
        return -EINVAL;
    }
    if (n_ports * n_addresses > ENDPOINTS_MAX) {
        snprintf(why, 256, "%u source ports are more than the maximum of %d for sockets",
                 n_ports * n_addresses, ENDPOINTS_MAX);
        return -EINVAL;
    }
    struct sockets *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->path = (struct path){.kind = &sockets_kind, .n_endpoints = n_ports * n_addresses};
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->fd = malloc(s->path.n_endpoints * sizeof *s->fd);
    int fault = s->epoll < 0 ? -errno : s->fd ? 0 : -ENOMEM;
    if (!fault && plan->stamps)
        fault = stamps_open(s->path.n_endpoints, server_port(plan), &s->stamps);
    for (uint32_t i = 0; s->fd && i < s->path.n_endpoints; i++)
        s->fd[i] = -1;
    for (uint32_t i = 0; !fault && i < s->path.n_endpoints; i++)
        fault = open_endpoint(plan, s, i);
    if (fault) {
        snprintf(why, 256, "%s; %s", strerror(-fault), advice_of(fault));
        sockets_close(&s->path);
        return fault;
    }
    *path = &s->path;
    return 0;
}
