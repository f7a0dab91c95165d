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

static bool arrivals_wait(const struct ethtool_ts_info *info, const struct hwtstamp_config *now)
{
    return (info->rx_filters & 1U << HWTSTAMP_FILTER_ALL) != 0 &&
           now->rx_filter != HWTSTAMP_FILTER_ALL;
}

static bool departures_wait(const struct ethtool_ts_info *info, const struct hwtstamp_config *now)
{
    return (info->tx_types & 1U << HWTSTAMP_TX_ON) != 0 && now->tx_type == HWTSTAMP_TX_OFF;
}

static int set(struct port_clock_held *held, int fd, const char *device,
               struct hwtstamp_config config, const char *what)
{
    const int fault = ask(fd, device, SIOCSHWTSTAMP, &config);
    held->was_set |= fault == 0;
    if (fault == 0)
        log_info("%s: its device is set to stamp %s", device, what);
    else
        log_info("%s: its device cannot be set to stamp %s: %s", device, what, strerror(-fault));
    return fault;
}

// One setting after the other: many drivers refuse the first one.
static void let_stamp(struct port_clock_held *held, int fd, const char *device,
                      const struct ethtool_ts_info *info, bool departures)
{
    struct hwtstamp_config config = {0};
    if (ask(fd, device, SIOCGHWTSTAMP, &config) != 0) // it could not be set again
        return;
    held->flags = config.flags;
    held->tx = config.tx_type;
    held->rx = config.rx_filter;
    if (arrivals_wait(info, &config)) {
        config.rx_filter = HWTSTAMP_FILTER_ALL;
        if (set(held, fd, device, config, "every frame that arrives") != 0)
            config.rx_filter = held->rx;
    }
    if (departures && departures_wait(info, &config)) {
        config.tx_type = HWTSTAMP_TX_ON;
        set(held, fd, device, config, "frames that leave and ask for it");
    }
}

static void look(struct port_clock_held *held, int fd, const char *device, bool departures)
{
    struct ethtool_ts_info info = {.cmd = ETHTOOL_GET_TS_INFO};
    if (ask(fd, device, SIOCETHTOOL, &info) != 0 || info.phc_index < 0)
        return;
    held->fd = open_clock(info.phc_index);
    if (held->fd >= 0)
        let_stamp(held, fd, device, &info, departures);
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
        look(held, fd, port->device,
             config->dataplane.interleaved == SWITCH_TRUE ||
                 config->dataplane.launch_time == SWITCH_TRUE);
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
