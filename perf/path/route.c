#include "perf/path/route.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK_STEP_MS = 20,
    LOOK_STEPS = 110, // a bit more than the time of the kernel's three tries
};

// A request with room for attributes after its header.
struct request {
    struct nlmsghdr head;
    union {
        struct rtmsg route;
        struct ndmsg neighbour;
    } body;
    char attributes[64];
};
static_assert(sizeof(struct rtmsg) == sizeof(struct ndmsg), "attributes begin at one place");

static void add(struct request *request, uint16_t type, const void *data, uint16_t len)
{
    struct rtattr attribute = {.rta_type = type, .rta_len = (uint16_t)RTA_LENGTH(len)};
    char *at = (char *)request + request->head.nlmsg_len;
    memcpy(at, &attribute, sizeof attribute);
    memcpy(at + RTA_LENGTH(0), data, len);
    request->head.nlmsg_len += (uint32_t)RTA_ALIGN(RTA_LENGTH(len));
}

static void add_address(struct request *request, uint16_t type, const struct address *address)
{
    uint8_t octets[16];
    uint32_t len = address_put(address, octets);
    add(request, type, octets, (uint16_t)len);
}

static struct request request_of(uint16_t type, uint16_t flags)
{
    return (struct request){.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
                                     .nlmsg_type = type,
                                     .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags)}};
}

// Sends the request and reads the one answer. Returns its length or -errno.
static ssize_t converse(struct request *request, void *answer, size_t size)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return -errno;
    ssize_t len = send(fd, request, request->head.nlmsg_len, 0);
    if (len >= 0)
        len = recv(fd, answer, size, 0);
    if (len < 0)
        len = -errno;
    close(fd);
    const struct nlmsghdr *head = answer;
    if (len >= 0 && !NLMSG_OK(head, (size_t)len))
        return -EPROTO;
    if (len >= 0 && head->nlmsg_type == NLMSG_ERROR)
        return ((const struct nlmsgerr *)NLMSG_DATA(head))->error; // 0: an acknowledgement
    return len;
}

static ssize_t query_route(const struct address *to, unsigned ifindex, uint32_t flags, void *answer,
                           size_t size)
{
    struct request request = request_of(RTM_GETROUTE, 0);
    request.body.route.rtm_family = (uint8_t)to->family;
    request.body.route.rtm_dst_len = to->family == AF_INET ? 32 : 128;
    request.body.route.rtm_flags = flags;
    add_address(&request, RTA_DST, to);
    if (ifindex != 0)
        add(&request, RTA_OIF, &ifindex, sizeof ifindex);
    return converse(&request, answer, size);
}

int route_find(const struct address *to, unsigned ifindex, struct route *route)
{
    _Alignas(struct nlmsghdr) char answer[4096];
    // With a given interface the kernel treats an IPv4 address without a route as a neighbour. The
    // lookup in the routing table shows that there is no route.
    ssize_t len = 0;
    if (to->family == AF_INET)
        len = query_route(to, ifindex, RTM_F_FIB_MATCH, answer, sizeof answer);
    if (len >= 0)
        len = query_route(to, ifindex, 0, answer, sizeof answer);
    if (len < 0)
        return (int)len;
    const struct nlmsghdr *head = (const void *)answer;
    if (head->nlmsg_type != RTM_NEWROUTE)
        return -EPROTO;

    const struct rtmsg *body = NLMSG_DATA(head);
    *route = (struct route){.next = *to, .here = body->rtm_type == RTN_LOCAL};
    size_t left = RTM_PAYLOAD(head);
    for (const struct rtattr *item = RTM_RTA(body); RTA_OK(item, left);
         item = RTA_NEXT(item, left)) {
        if (item->rta_type == RTA_GATEWAY)
            route->next = address_of(to->family, RTA_DATA(item));
        if (item->rta_type == RTA_VIA) { // IPv4 through a gateway with an IPv6 address
            const struct rtvia *via = RTA_DATA(item);
            route->next = address_of(via->rtvia_family, via->rtvia_addr);
        }
        if (item->rta_type == RTA_PREFSRC)
            route->source = address_of(to->family, RTA_DATA(item));
    }
    bool reachable = body->rtm_type == RTN_UNICAST || body->rtm_type == RTN_LOCAL;
    return reachable ? 0 : -ENETUNREACH;
}

bool route_is_own(const struct address *address)
{
    struct route route;
    return route_find(address, 0, &route) == 0 && route.here;
}

// 0; -EAGAIN while the MAC address is not known; or -errno.
static int known_neighbour(const struct address *of, unsigned ifindex, uint8_t mac[6])
{
    _Alignas(struct nlmsghdr) char answer[4096];
    struct request request = request_of(RTM_GETNEIGH, 0);
    request.body.neighbour.ndm_family = (uint8_t)of->family;
    request.body.neighbour.ndm_ifindex = (int)ifindex;
    add_address(&request, NDA_DST, of);
    ssize_t len = converse(&request, answer, sizeof answer);
    if (len < 0)
        return len == -ENOENT ? -EAGAIN : (int)len;
    const struct nlmsghdr *head = (const void *)answer;
    if (head->nlmsg_type != RTM_NEWNEIGH)
        return -EPROTO;

    enum { KNOWN = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP };
    const struct ndmsg *body = NLMSG_DATA(head);
    size_t left = head->nlmsg_len - NLMSG_LENGTH(sizeof *body);
    const char *first = (const char *)body + NLMSG_ALIGN(sizeof *body);
    for (const struct rtattr *item = (const void *)first; RTA_OK(item, left);
         item = RTA_NEXT(item, left)) {
        if (item->rta_type != NDA_LLADDR || RTA_PAYLOAD(item) != 6 ||
            (body->ndm_state & KNOWN) == 0)
            continue;
        memcpy(mac, RTA_DATA(item), 6);
        return 0;
    }
    return -EAGAIN;
}

// Makes the kernel resolve the neighbour, as if it had a packet for it.
static int look_for(const struct address *of, unsigned ifindex)
{
    _Alignas(struct nlmsghdr) char answer[4096];
    struct request request = request_of(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_ACK);
    request.body.neighbour.ndm_family = (uint8_t)of->family;
    request.body.neighbour.ndm_ifindex = (int)ifindex;
    request.body.neighbour.ndm_flags = NTF_USE;
    add_address(&request, NDA_DST, of);
    ssize_t len = converse(&request, answer, sizeof answer);
    return len < 0 ? (int)len : 0;
}

int route_neighbour(const struct address *of, unsigned ifindex, uint8_t mac[6])
{
    int fault = known_neighbour(of, ifindex, mac);
    if (fault != -EAGAIN)
        return fault;
    fault = look_for(of, ifindex);
    if (fault)
        return fault;
    fault = -EAGAIN;
    for (int i = 0; i < LOOK_STEPS && fault == -EAGAIN; i++) {
        nanosleep(&(struct timespec){.tv_nsec = LOOK_STEP_MS * 1000000L}, NULL);
        fault = known_neighbour(of, ifindex, mac);
    }
    return fault == -EAGAIN ? -EHOSTUNREACH : fault;
}

int route_hear_groups(unsigned ifindex)
{
    struct packet_mreq all = {.mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_ALLMULTI};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); // protocol 0: it receives nothing
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0) {
        int fault = -errno;
        close(fd);
        return fault;
    }
    return fd;
}
