#include "dataplane/port/xdp/interface.h"

#include "dataplane/port/xdp/steer.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void look_at_driver(int fd, struct ifreq *request, struct interface *interface)
{
    struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
    request->ifr_data = (void *)&driver;
    if (ioctl(fd, SIOCETHTOOL, request) == 0)
        snprintf(interface->driver, sizeof interface->driver, "%s", driver.driver);
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

// igb and igc have two interrupts a channel while no more than half of the channels are in use, and
// one for both queues otherwise: igb_set_flag_queue_pairs and igc_set_flag_queue_pairs in Linux.
static bool is_split(const char *driver, const struct ethtool_channels *channels)
{
    return (strcmp(driver, "igb") == 0 || strcmp(driver, "igc") == 0) &&
           channels->combined_count <= channels->max_combined / 2;
}

// A combined channel receives and sends; most drivers have these alone. veth has a channel for each
// receive queue and one for each transmit queue, as ethtool counts them.
void interface_count_queues(struct interface *interface, const struct ethtool_channels *channels)
{
    interface->queues = interface->openable = 1;
    interface->split = channels && is_split(interface->driver, channels);
    if (!channels || channels->combined_count + channels->rx_count == 0)
        return;
    interface->queues = channels->combined_count + channels->rx_count;
    const uint32_t sending = channels->combined_count + channels->tx_count;
    if (sending > 0)
        interface->openable = least(least(interface->queues, sending), STEER_QUEUES_MAX);
}

static void look_at_queues(int fd, struct ifreq *request, struct interface *interface)
{
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
    request->ifr_data = (void *)&channels;
    const bool known = ioctl(fd, SIOCETHTOOL, request) == 0;
    interface_count_queues(interface, known ? &channels : NULL);
}

static void look_at_tags(int fd, struct ifreq *request, struct interface *interface)
{
    struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
    request->ifr_data = (void *)&flags;
    interface->takes_tags =
        ioctl(fd, SIOCETHTOOL, request) == 0 && (flags.data & ETH_FLAG_RXVLAN) != 0;
}

int interface_look(const char *name, struct interface *interface)
{
    struct ifreq request = {0};
    if (strlen(name) >= sizeof request.ifr_name)
        return -ENODEV;
    memcpy(request.ifr_name, name, strlen(name) + 1);

    unsigned index = if_nametoindex(name);
    if (index == 0)
        return -ENODEV;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    *interface = (struct interface){.index = index};
    if (ioctl(fd, SIOCGIFMTU, &request) == 0)
        interface->mtu = (uint32_t)request.ifr_mtu;
    if (ioctl(fd, SIOCGIFHWADDR, &request) == 0)
        memcpy(interface->mac, request.ifr_hwaddr.sa_data, sizeof interface->mac);
    look_at_driver(fd, &request, interface);
    look_at_queues(fd, &request, interface);
    look_at_tags(fd, &request, interface);
    close(fd);
    return 0;
}

const char *interface_change(const struct interface *then, const struct interface *now)
{
    if (now->index == 0)
        return "there is no such interface any more";
    if (now->index != then->index)
        return "the interface was made anew";
    if (memcmp(now->mac, then->mac, sizeof now->mac) != 0)
        return "its MAC address has changed";
    if (now->queues != then->queues || now->openable != then->openable)
        return "its number of queues has changed";
    return NULL;
}

bool interface_link_up(const char *name)
{
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool up = ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0 &&
              (request.ifr_flags & IFF_RUNNING) != 0;
    close(fd);
    return up;
}
