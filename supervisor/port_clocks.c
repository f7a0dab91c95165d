#include "supervisor/port_clocks.h"

#include "base/log.h"
#include "base/phc_read.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int ask(int fd, const char *device, unsigned long request, void *data)
{
    struct ifreq of = {.ifr_data = data};
    snprintf(of.ifr_name, sizeof of.ifr_name, "%s", device);
    return ioctl(fd, request, &of) == 0 ? 0 : -errno;
}

static int open_clock(int number)
{
    char path[32];
    snprintf(path, sizeof path, "/dev/ptp%d", number);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && phc_is(fd))
        return fd;
    log_warning("%s, a clock of a port's device, cannot be opened: %s; it stamps no requests", path,
                strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static void stamp_all(struct port_clock_held *held, int fd, const char *device)
{
    struct hwtstamp_config config = {0};
    if (ask(fd, device, SIOCGHWTSTAMP, &config) != 0) // it could not be set again
        return;
    if (config.rx_filter == HWTSTAMP_FILTER_ALL)
        return;
    held->flags = config.flags;
    held->tx = config.tx_type;
    held->rx = config.rx_filter;
    config.rx_filter = HWTSTAMP_FILTER_ALL;
    const int fault = ask(fd, device, SIOCSHWTSTAMP, &config);
    held->was_set = fault == 0;
    if (fault == 0)
        log_info("%s: its device is set to stamp every frame that arrives", device);
    else
        log_info("%s: its device cannot be set to stamp every frame that arrives: %s", device,
                 strerror(-fault));
}

static void look(struct port_clock_held *held, int fd, const char *device)
{
    struct ethtool_ts_info info = {.cmd = ETHTOOL_GET_TS_INFO};
    if (ask(fd, device, SIOCETHTOOL, &info) != 0 || info.phc_index < 0)
        return;
    held->fd = open_clock(info.phc_index);
    if (held->fd >= 0 && (info.rx_filters & 1U << HWTSTAMP_FILTER_ALL) != 0)
        stamp_all(held, fd, device);
}

static void drop(struct port_clock_held *held)
{
    if (held->fd >= 0)
        close(held->fd);
    *held = (struct port_clock_held){.fd = -1};
}

void port_clocks_init(struct port_clocks *clocks)
{
    for (int i = 0; i < PORTS_MAX; i++)
        clocks->of[i] = (struct port_clock_held){.fd = -1};
}

void port_clocks_renew(struct port_clocks *clocks, const struct config *config)
{
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (uint32_t i = 0; i < config->dataplane.n_ports && fd >= 0; i++) {
        struct port_clock_held *held = &clocks->of[i];
        const struct config_port *port = &config->dataplane.ports[i];
        const unsigned index = port->kind == PORT_INTERFACE ? if_nametoindex(port->device) : 0;
        if (index == 0 || index == held->index)
            continue;
        drop(held);
        held->index = index;
        look(held, fd, port->device);
    }
    if (fd >= 0)
        close(fd);
}

void port_clocks_close(struct port_clocks *clocks, const struct config *config)
{
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (uint32_t i = 0; i < config->dataplane.n_ports; i++) {
        struct port_clock_held *held = &clocks->of[i];
        const char *device = config->dataplane.ports[i].device;
        struct hwtstamp_config before = {
            .flags = held->flags, .tx_type = held->tx, .rx_filter = held->rx};
        if (held->was_set && if_nametoindex(device) == held->index &&
            ask(fd, device, SIOCSHWTSTAMP, &before) != 0)
            log_warning("%s: the former setting of its device's stamps cannot be set again: %s; "
                        "'hwstamp_ctl -i %s -r %d -t %d' sets it",
                        device, strerror(errno), device, held->rx, held->tx);
        drop(held);
    }
    if (fd >= 0)
        close(fd);
}
