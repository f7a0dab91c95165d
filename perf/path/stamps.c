// A stamp of departure comes through the socket's error queue with a copy of the datagram, which
// identifies it. The kernel could number stamps instead (SOF_TIMESTAMPING_OPT_ID). But whether a
// failed send uses up a number depends on the kernel's version and the cause of the failure, and
// all later stamps would then belong to the wrong requests.
#include "perf/path/stamps.h"

#include "base/bytes.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
    HEADERS_MAX = 128, // of Ethernet, VLANs, IP with its options, and UDP
    UDP_LEN = 8,
    FRAME_MAX = HEADERS_MAX + PATH_PAYLOAD_MAX,
    // A stamp of departure comes with an error message and the address of its source.
    CONTROL_LEN = CMSG_SPACE(sizeof(struct scm_timestamping)) +
                  CMSG_SPACE(sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in6)),
};

struct stamps {
    int epoll; // over the error queues
    int *fd;
    uint16_t *port; // the local port of each socket
    uint16_t server_port;
    struct mmsghdr message[LANES]; // of the error queue, like all members below
    struct iovec part[LANES];
    uint8_t frame[LANES][FRAME_MAX];
    alignas(struct cmsghdr) uint8_t control[LANES][CONTROL_LEN];
    alignas(struct cmsghdr) uint8_t expected[LANES][CONTROL_LEN]; // of received datagrams
};

int stamps_open(uint32_t n, uint16_t server_port, struct stamps **stamps)
{
    struct stamps *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    int fault = s->epoll < 0 ? -errno : 0;
    s->fd = calloc(n, sizeof *s->fd);
    s->port = calloc(n, sizeof *s->port);
    s->server_port = server_port;
    if (!fault && (!s->fd || !s->port))
        fault = -ENOMEM;
    if (fault) {
        stamps_close(s);
        return fault;
    }
    *stamps = s;
    return 0;
}

void stamps_close(struct stamps *s)
{
    if (!s)
        return;
    if (s->epoll >= 0)
        close(s->epoll);
    free(s->fd);
    free(s->port);
    free(s);
}

int stamps_add(struct stamps *s, int fd, uint32_t number)
{
    static const int wanted =
        SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &wanted, sizeof wanted) != 0)
        return -errno;
    struct sockaddr_storage own;
    socklen_t len = sizeof own;
    if (getsockname(fd, (struct sockaddr *)&own, &len) != 0)
        return -errno;
    s->fd[number] = fd;
    s->port[number] = ntohs(own.ss_family == AF_INET ? ((struct sockaddr_in *)&own)->sin_port
                                                     : ((struct sockaddr_in6 *)&own)->sin6_port);
    struct epoll_event event = {.data.u32 = number}; // EPOLLERR is always reported
    return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

void stamps_expect(struct stamps *s, struct msghdr *message, unsigned lane)
{
    message->msg_control = s->expected[lane];
    message->msg_controllen = sizeof s->expected[lane];
}

uint64_t stamps_of(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPING)
            continue;
        struct scm_timestamping stamps;
        memcpy(&stamps, CMSG_DATA(c), sizeof stamps);
        const struct timespec *software = &stamps.ts[0];
        return (uint64_t)software->tv_sec * 1000000000 + (uint64_t)software->tv_nsec;
    }
    return 0;
}

// Sets lane n of sent to the payload at the end of a frame. False when the frame has no UDP header
// of that socket; the headers before it depend on the device.
static bool find_payload(const struct stamps *s, uint32_t number, const uint8_t *frame,
                         uint32_t len, struct path_sent *sent, unsigned n)
{
    for (uint32_t at = 0; at + UDP_LEN <= len && at + UDP_LEN <= HEADERS_MAX; at += 2)
        if (be16_get(frame + at) == s->port[number] && be16_get(frame + at + 2) == s->server_port &&
            be16_get(frame + at + 4) == len - at) {
            sent->payload[n] = frame + at + UDP_LEN;
            sent->len[n] = (uint16_t)(len - at - UDP_LEN);
            return true;
        }
    return false;
}

// Takes the stamps of one socket into the lanes from n on, and returns the new number of lanes.
static unsigned take_from(struct stamps *s, struct path_sent *sent, unsigned n, uint32_t number)
{
    for (unsigned i = n; i < LANES; i++) {
        s->part[i] = (struct iovec){s->frame[i], FRAME_MAX};
        s->message[i].msg_hdr = (struct msghdr){.msg_iov = &s->part[i],
                                                .msg_iovlen = 1,
                                                .msg_control = s->control[i],
                                                .msg_controllen = sizeof s->control[i]};
    }
    int got = recvmmsg(s->fd[number], s->message + n, LANES - n, MSG_DONTWAIT | MSG_ERRQUEUE, NULL);
    unsigned end = got < 0 ? n : n + (unsigned)got;
    for (unsigned i = n; i < end; i++) {
        uint64_t stamp = stamps_of(&s->message[i].msg_hdr);
        if (stamp != 0 && find_payload(s, number, s->frame[i], s->message[i].msg_len, sent, n))
            sent->stamp_ns[n++] = stamp;
    }
    return n;
}

unsigned stamps_take(struct stamps *s, struct path_sent *sent)
{
    enum { EVENTS = 64 };
    struct epoll_event event[EVENTS];
    int ready = epoll_wait(s->epoll, event, EVENTS, 0);
    unsigned n = 0;
    for (int i = 0; i < ready && n < LANES; i++)
        n = take_from(s, sent, n, event[i].data.u32);
    return n;
}
