#include "dataplane/port/xdp/links.h"

#include "dataplane/port/xdp/netlink.h"

#include <linux/if_link.h>
#include <stddef.h>
#include <string.h>

// Sets *kind to what IFLA_LINKINFO says, for example "vlan".
static void read_kind(const struct rtattr *info, char kind[16])
{
    size_t left = RTA_PAYLOAD(info);
    for (const struct rtattr *item = RTA_DATA(info); RTA_OK(item, left);
         item = RTA_NEXT(item, left)) {
        const size_t len = RTA_PAYLOAD(item);
        if (item->rta_type == IFLA_INFO_KIND && len < 16) {
            memset(kind, 0, 16);
            memcpy(kind, RTA_DATA(item), len);
        }
    }
}

static bool is_one_of(const char *kind, const char *const *names)
{
    while (*names && strcmp(kind, *names) != 0)
        names++;
    return *names != NULL;
}

void links_begin(struct links *links)
{
    memset(links, 0, offsetof(struct links, upper));
}

void links_take(struct links *links, unsigned ifindex, const struct nlmsghdr *message)
{
    static const char *const kinds[] = {"vlan", "macvlan", "bridge", "bond", "team", NULL};
    const struct ifinfomsg *head = NLMSG_DATA(message);
    struct upper upper = {.index = (unsigned)head->ifi_index};
    unsigned master = 0;
    bool is_foreign = false;
    char kind[16] = "";
    size_t left = IFLA_PAYLOAD(message);
    for (const struct rtattr *item = IFLA_RTA(head); RTA_OK(item, left);
         item = RTA_NEXT(item, left)) {
        if (item->rta_type == IFLA_ADDRESS && RTA_PAYLOAD(item) == sizeof upper.mac)
            memcpy(upper.mac, RTA_DATA(item), sizeof upper.mac);
        else if (item->rta_type == IFLA_LINK)
            memcpy(&upper.below, RTA_DATA(item), sizeof upper.below);
        else if (item->rta_type == IFLA_LINK_NETNSID)
            is_foreign = true;
        else if (item->rta_type == IFLA_MASTER)
            memcpy(&master, RTA_DATA(item), sizeof master);
        else if (item->rta_type == IFLA_LINKINFO)
            read_kind(item, kind);
    }
    if (upper.index == ifindex) {
        memcpy(links->mac, upper.mac, sizeof links->mac);
        links->master = master;
    }
    if (is_foreign)
        upper.below = 0;
    upper.is_vlan = strcmp(kind, "vlan") == 0;
    if (is_one_of(kind, kinds) && links->n < LINKS_MAX)
        links->upper[links->n++] = upper;
}

// Does the link stand on the served interface?
static bool stands_on(const struct upper *upper, const struct links *links, unsigned ifindex)
{
    if (upper->index == ifindex)
        return false;
    return upper->below == ifindex ||
           (links->master != 0 && (upper->index == links->master || upper->below == links->master));
}

void links_end(struct links *links, unsigned ifindex)
{
    for (uint32_t i = 0; i < links->n; i++) {
        const struct upper *upper = &links->upper[i];
        if (!stands_on(upper, links, ifindex))
            continue;
        links->vlan_above |= upper->is_vlan;
        links->other_mac |= memcmp(upper->mac, links->mac, sizeof links->mac) != 0;
    }
}

struct reading {
    unsigned ifindex;
    struct links *links;
};

static void take(const struct nlmsghdr *message, void *with)
{
    const struct reading *reading = with;
    links_take(reading->links, reading->ifindex, message);
}

int links_read(unsigned ifindex, struct links *links)
{
    struct reading reading = {.ifindex = ifindex, .links = links};
    links_begin(links);
    int fault = netlink_dump(RTM_GETLINK, RTM_NEWLINK, take, &reading);
    if (!fault)
        links_end(links, ifindex);
    return fault;
}

bool links_is_vlan(const struct links *links, unsigned ifindex)
{
    for (uint32_t i = 0; i < links->n; i++) {
        if (links->upper[i].index == ifindex)
            return links->upper[i].is_vlan;
    }
    return false;
}
