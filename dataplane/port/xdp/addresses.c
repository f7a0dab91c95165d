#include "dataplane/port/xdp/addresses.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int netlink_open(uint32_t groups, int flags)
{
    struct sockaddr_nl name = {.nl_family = AF_NETLINK, .nl_groups = groups};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);
    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&name, sizeof name) != 0) {
        int fault = -errno;
        close(fd);
        return fault;
    }
    return fd;
}

int addresses_watch(void)
{
    return netlink_open(RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, SOCK_NONBLOCK);
}

void addresses_drain(int watch)
{
    // The contents do not matter: the list is read again after any change. An overrun (ENOBUFS) is
    // a change too.
    char ignored[8192];
    while (recv(watch, ignored, sizeof ignored, 0) > 0 || errno == ENOBUFS)
        continue;
}

// Adds an address of len octets to n of them, of which the first n_own are of the served interface.
// False when one was left out: this one, or another interface's that stood in the place of it.
static bool add(uint8_t *at, size_t len, uint32_t *n, uint32_t *n_own, const uint8_t *address,
                bool own)
{
    const bool room = *n < STEER_ADDRESSES_MAX;
    if (!room && (!own || *n_own == *n))
        return false;
    uint8_t *place = at + *n * len;
    if (own) {
        place = at + *n_own * len;
        if (room)
            memcpy(at + *n * len, place, len); // the first of the others moves to the end
        ++*n_own;
    }
    memcpy(place, address, len);
    *n += room;
    return room;
}

void addresses_add_v4(struct address_list *list, const uint8_t address[4], bool own)
{
    if (address[0] == 127)
        return;
    list->left_out += !add(list->v4[0], 4, &list->n_v4, &list->n_own_v4, address, own);
}

void addresses_add_v6(struct address_list *list, const uint8_t address[16], bool own)
{
    struct in6_addr in6;
    memcpy(&in6, address, sizeof in6);
    if (IN6_IS_ADDR_LOOPBACK(&in6) || IN6_IS_ADDR_MULTICAST(&in6) || IN6_IS_ADDR_UNSPECIFIED(&in6))
        return;
    list->left_out += !add(list->v6[0], 16, &list->n_v6, &list->n_own_v6, address, own);
}

static void clear(struct address_list *list)
{
    list->n_v4 = list->n_v6 = list->n_own_v4 = list->n_own_v6 = list->left_out = 0;
}

static bool is_link_local(const uint8_t address[16])
{
    return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

// One RTM_NEWADDR message.
static void take_address(const struct nlmsghdr *message, unsigned ifindex,
                         struct address_list *list)
{
    const struct ifaddrmsg *head = NLMSG_DATA(message);
    uint32_t flags = head->ifa_flags;
    const uint8_t *address = NULL;
    const uint8_t *local = NULL;
    size_t left = IFA_PAYLOAD(message);
    for (const struct rtattr *item = IFA_RTA(head); RTA_OK(item, left);
         item = RTA_NEXT(item, left)) {
        if (item->rta_type == IFA_LOCAL)
            local = RTA_DATA(item);
        else if (item->rta_type == IFA_ADDRESS)
            address = RTA_DATA(item);
        else if (item->rta_type == IFA_FLAGS)
            memcpy(&flags, RTA_DATA(item), sizeof flags);
    }
    if (local)
        address = local; // on a point-to-point link IFA_ADDRESS is the peer's
    if (!address)
        return;
    const bool own = head->ifa_index == ifindex;
    if (head->ifa_family == AF_INET)
        addresses_add_v4(list, address, own);
    if (head->ifa_family != AF_INET6)
        return;
    bool unusable =
        (flags & IFA_F_DADFAILED) || ((flags & IFA_F_TENTATIVE) && !(flags & IFA_F_OPTIMISTIC));
    if (!unusable && (own || !is_link_local(address)))
        addresses_add_v6(list, address, own);
}

// Reads a dump to its end. -EAGAIN: addresses changed meanwhile, and some may be missing.
static int take_dump(int fd, unsigned ifindex, struct address_list *list)
{
    _Alignas(struct nlmsghdr) char buffer[32768];
    bool torn = false;
    for (;;) {
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        size_t left = (size_t)n;
        for (const struct nlmsghdr *message = (const void *)buffer; NLMSG_OK(message, left);
             message = NLMSG_NEXT(message, left)) {
            torn |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
            if (message->nlmsg_type == NLMSG_DONE)
                return torn ? -EAGAIN : 0;
            if (message->nlmsg_type == NLMSG_ERROR)
                return ((const struct nlmsgerr *)NLMSG_DATA(message))->error;
            if (message->nlmsg_type == RTM_NEWADDR)
                take_address(message, ifindex, list);
        }
    }
}

int addresses_local(unsigned ifindex, struct address_list *list)
{
    clear(list);
    int fd = netlink_open(0, 0);
    if (fd < 0)
        return fd;
    struct {
        struct nlmsghdr head;
        struct ifaddrmsg body;
    } request = {
        .head = {.nlmsg_len = sizeof request,
                 .nlmsg_type = RTM_GETADDR,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.ifa_family = AF_UNSPEC},
    };
    int fault = 0;
    if (send(fd, &request, sizeof request, 0) != (ssize_t)sizeof request)
        fault = -errno;
    if (!fault)
        fault = take_dump(fd, ifindex, list);
    close(fd);
    return fault;
}

void addresses_configured(const struct config_port *port, struct address_list *list)
{
    clear(list);
    for (uint32_t i = 0; i < port->n_addresses; i++) {
        const struct config_address *address = &port->addresses[i];
        if (address->family == AF_INET)
            memcpy(list->v4[list->n_v4++], address->octets, 4);
        else
            memcpy(list->v6[list->n_v6++], address->octets, 16);
    }
}

static_assert((int)ADDRESS_SET_MAX >= (int)ADDRESSES_MAX, "a port's addresses fit the set");
static_assert((int)STEER_ADDRESSES_MAX >= (int)ADDRESSES_MAX, "a port's addresses fit the maps");

void addresses_configured_set(const struct config_port *port, struct address_set *set)
{
    *set = (struct address_set){0};
    for (uint32_t i = 0; i < port->n_addresses; i++) {
        const struct config_address *address = &port->addresses[i];
        if (address->family == AF_INET)
            memcpy(set->v4[set->n_v4++], address->octets, 4);
        else
            memcpy(set->v6[set->n_v6++], address->octets, 16);
    }
}
