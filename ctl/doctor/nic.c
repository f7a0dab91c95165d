// The ioctls of ethtool, and IFLA_XDP.
#include "ctl/doctor/nic.h"

#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/net_tstamp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool ask(int fd, const struct nic *nic, void *data)
{
    struct ifreq request = {.ifr_data = data};
    memcpy(request.ifr_name, nic->name, sizeof request.ifr_name);
    return ioctl(fd, SIOCETHTOOL, &request) == 0;
}

static void look_at_driver(int fd, struct nic *nic)
{
    struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
    if (ask(fd, nic, &info))
        memcpy(nic->driver, info.driver, sizeof nic->driver - 1);
}

static void look_at_link(int fd, struct nic *nic)
{
    struct ifreq request = {0};
    memcpy(request.ifr_name, nic->name, sizeof request.ifr_name);
    if (ioctl(fd, SIOCGIFFLAGS, &request) != 0)
        return;
    nic->up = (request.ifr_flags & IFF_UP) != 0;
    nic->link = (request.ifr_flags & IFF_RUNNING) != 0;
}

static void look_at_queues(int fd, struct nic *nic)
{
    struct ethtool_channels c = {.cmd = ETHTOOL_GCHANNELS};
    nic->queues.known = ask(fd, nic, &c);
    if (!nic->queues.known)
        return;
    nic->queues.rx = c.combined_count + c.rx_count;
    nic->queues.tx = c.combined_count + c.tx_count;
    nic->queues.most = c.max_combined;
    nic->queues.combined_now = c.combined_count;
}

static void look_at_hash(int fd, struct nic *nic)
{
    static const uint32_t flow[] = {UDP_V4_FLOW, UDP_V6_FLOW};
    for (int i = 0; i < 2; i++) {
        struct ethtool_rxnfc c = {.cmd = ETHTOOL_GRXFH, .flow_type = flow[i]};
        nic->hash[i].known = ask(fd, nic, &c);
        nic->hash[i].has_ports =
            nic->hash[i].known && (c.data & (RXH_L4_B_0_1 | RXH_L4_B_2_3)) != 0;
    }
}

static void look_at_ring(int fd, struct nic *nic)
{
    struct ethtool_ringparam ring = {.cmd = ETHTOOL_GRINGPARAM};
    nic->ring.known = ask(fd, nic, &ring) && ring.rx_max_pending > 0;
    nic->ring.rx = ring.rx_pending;
    nic->ring.rx_most = ring.rx_max_pending;
}

static void look_at_offloads(int fd, struct nic *nic)
{
    struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
    nic->offload.known = ask(fd, nic, &flags);
    nic->offload.lro = (flags.data & ETH_FLAG_LRO) != 0;
    nic->offload.vlan_stripped = (flags.data & ETH_FLAG_RXVLAN) != 0;
}

static void look_at_moderation(int fd, struct nic *nic)
{
    struct ethtool_coalesce c = {.cmd = ETHTOOL_GCOALESCE};
    nic->moderation.known = ask(fd, nic, &c);
    nic->moderation.adaptive = c.use_adaptive_rx_coalesce != 0;
    nic->moderation.usecs = c.rx_coalesce_usecs;
    nic->moderation.frames = c.rx_max_coalesced_frames;
}

static void look_at_stamps(int fd, struct nic *nic)
{
    struct ethtool_ts_info info = {.cmd = ETHTOOL_GET_TS_INFO};
    nic->stamps.known = ask(fd, nic, &info);
    nic->stamps.phc = nic->stamps.known ? info.phc_index : -1;
    nic->stamps.rx_all = (info.so_timestamping & SOF_TIMESTAMPING_RX_HARDWARE) != 0 &&
                         (info.rx_filters & (1U << HWTSTAMP_FILTER_ALL)) != 0;
    nic->stamps.tx = (info.so_timestamping & SOF_TIMESTAMPING_TX_HARDWARE) != 0;
    nic->stamps.tx_software = (info.so_timestamping & SOF_TIMESTAMPING_TX_SOFTWARE) != 0;
}

// IFLA_XDP: whether a program is attached, how, and its id.
static void read_program(const struct rtattr *xdp, struct nic *nic)
{
    int len = (int)RTA_PAYLOAD(xdp);
    for (const struct rtattr *at = RTA_DATA(xdp); RTA_OK(at, len); at = RTA_NEXT(at, len)) {
        if (at->rta_type == IFLA_XDP_PROG_ID && RTA_PAYLOAD(at) == sizeof nic->program.id)
            memcpy(&nic->program.id, RTA_DATA(at), sizeof nic->program.id);
        if (at->rta_type == IFLA_XDP_ATTACHED && RTA_PAYLOAD(at) == 1)
            nic->program.generic = *(const uint8_t *)RTA_DATA(at) == XDP_ATTACHED_SKB;
    }
}

static void look_at_program(struct nic *nic)
{
    struct {
        struct nlmsghdr head;
        struct ifinfomsg link;
    } request = {
        .head = {.nlmsg_len = sizeof request,
                 .nlmsg_type = RTM_GETLINK,
                 .nlmsg_flags = NLM_F_REQUEST},
        .link = {.ifi_index = (int)if_nametoindex(nic->name)},
    };
    union {
        struct nlmsghdr head;
        char room[16384];
    } answer;
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return;
    ssize_t n = send(fd, &request, sizeof request, 0);
    if (n == (ssize_t)sizeof request)
        n = recv(fd, &answer, sizeof answer, 0);
    close(fd);
    if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct ifinfomsg)) ||
        answer.head.nlmsg_type != RTM_NEWLINK || answer.head.nlmsg_len > (size_t)n)
        return;
    nic->program.known = true;
    int len = (int)IFLA_PAYLOAD(&answer.head);
    for (const struct rtattr *at = IFLA_RTA(NLMSG_DATA(&answer.head)); RTA_OK(at, len);
         at = RTA_NEXT(at, len))
        if ((at->rta_type & NLA_TYPE_MASK) == IFLA_XDP)
            read_program(at, nic);
}

int nic_look(const char *name, struct nic *nic)
{
    *nic = (struct nic){.stamps.phc = -1};
    strncpy(nic->name, name, sizeof nic->name - 1);
    nic->exists = if_nametoindex(name) != 0;
    if (!nic->exists)
        return 0;
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    look_at_driver(fd, nic);
    look_at_link(fd, nic);
    look_at_queues(fd, nic);
    look_at_hash(fd, nic);
    look_at_ring(fd, nic);
    look_at_offloads(fd, nic);
    look_at_moderation(fd, nic);
    look_at_stamps(fd, nic);
    close(fd);
    look_at_program(nic);
    return 0;
}
