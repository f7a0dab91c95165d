#include "dataplane/port/xdp/addresses.h"

#include "base/bytes.h"
#include "dataplane/port/xdp/netlink.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int addresses_watch(void)
{
    return netlink_open(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, SOCK_NONBLOCK);
}

void addresses_drain(int watch)
{
    // The contents do not matter: the list is read again after any change. An overrun (ENOBUFS) is
    // a change too.
    char ignored[8192];
    while (recv(watch, ignored, sizeof ignored, 0) > 0 || errno == ENOBUFS)
        continue;
}

static bool is_link_local(const uint8_t address[16])
{
    return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

// The contents of an RTM_NEWADDR message. On a point-to-point link `subnet` is the peer's address.
struct address {
    uint32_t flags;
    const uint8_t *local;
    const uint8_t *subnet;
    const uint8_t *broadcast; // IPv4, as somebody has set it
};

static struct address read_address(const struct nlmsghdr *message)
{
    const struct ifaddrmsg *head = NLMSG_DATA(message);
    struct address address = {.flags = head->ifa_flags};
    size_t left = IFA_PAYLOAD(message);
    for (const struct rtattr *item = IFA_RTA(head); RTA_OK(item, left);
         item = RTA_NEXT(item, left)) {
        if (item->rta_type == IFA_LOCAL)
            address.local = RTA_DATA(item);
        else if (item->rta_type == IFA_ADDRESS)
            address.subnet = RTA_DATA(item);
        else if (item->rta_type == IFA_BROADCAST)
            address.broadcast = RTA_DATA(item);
        else if (item->rta_type == IFA_FLAGS)
            memcpy(&address.flags, RTA_DATA(item), sizeof address.flags);
    }
    if (!address.local)
        address.local = address.subnet;
    return address;
}

// The kernel takes both for broadcast addresses: the last of the subnet, and the one that was set.
static void add_broadcasts(struct address_list *list, const struct address *address,
                           unsigned prefix_len)
{
    // RFC 3021: a subnet of two addresses has none.
    if (address->subnet && prefix_len > 0 && prefix_len < 31) {
        uint8_t last[4];
        be32_put(last, be32_get(address->subnet) | UINT32_MAX >> prefix_len);
        address_list_add_broadcast(list, last);
    }
    if (address->broadcast)
        address_list_add_broadcast(list, address->broadcast);
}

void addresses_take(unsigned ifindex, const struct links *links, const struct nlmsghdr *message,
                    struct address_list *list)
{
    const struct ifaddrmsg *head = NLMSG_DATA(message);
    const struct address address = read_address(message);
    if (!address.local)
        return;
    const bool own = head->ifa_index == ifindex;
    const enum steer_address kind =
        !own && links_is_vlan(links, head->ifa_index) ? STEER_OURS_TAGGED : STEER_OURS;
    if (head->ifa_family == AF_INET) {
        address_list_add_v4(list, address.local, kind, own);
        add_broadcasts(list, &address, head->ifa_prefixlen);
    }
    if (head->ifa_family != AF_INET6)
        return;
    bool unusable = (address.flags & IFA_F_DADFAILED) ||
                    ((address.flags & IFA_F_TENTATIVE) && !(address.flags & IFA_F_OPTIMISTIC));
    if (!unusable && (own || !is_link_local(address.local)))
        address_list_add_v6(list, address.local, kind, own);
}

struct reading {
    unsigned ifindex;
    const struct links *links;
    struct address_list *list;
};

static void take(const struct nlmsghdr *message, void *with)
{
    const struct reading *reading = with;
    addresses_take(reading->ifindex, reading->links, message, reading->list);
}

int addresses_local(unsigned ifindex, const struct config_port *port, const struct links *links,
                    struct address_list *list)
{
    struct reading reading = {.ifindex = ifindex, .links = links, .list = list};
    address_list_begin(list, port);
    int fault = netlink_dump(RTM_GETADDR, RTM_NEWADDR, take, &reading);
    if (!fault)
        address_list_end(list);
    return fault;
}

static_assert((int)ADDRESS_SET_MAX >= (int)ADDRESSES_MAX, "a port's addresses fit the set");

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
