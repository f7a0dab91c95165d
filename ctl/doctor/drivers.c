// What is known of network cards, their drivers and their clocks: from the drivers' sources, from
// reports of others, and from tests of this server on emulated cards.
#include "ctl/doctor/drivers.h"

#include "ctl/doctor/findings_of.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { KERNEL_METADATA = 6 * 1000 + 3 }; // 6.3: XDP programs can ask for the device's stamps

struct driver {
    const char *name;
    bool zero_copy;      // it receives into the buffers of AF_XDP
    bool tells_arrivals; // its XDP programs can ask when the device received a frame
    const char *note;
    unsigned least[3]; // a kernel that is older is advised against; 0: none
    enum finding_level level;
};

static const struct driver drivers[] = {
    {"mlx5_core",
     true,
     true,
     "when an XDP program is taken off its interface traffic pauses",
     {0},
     FINDING_OK},
    {"ice",
     true,
     true,
     "crashes of the kernel when AF_XDP sockets end under load are known of kernels before 6.10.4",
     {6, 10, 4},
     FINDING_HINT},
    {"i40e",
     true,
     false,
     "tells XDP programs no stamps: the kernel stamps arrivals",
     {0},
     FINDING_OK},
    {"ixgbe",
     true,
     false,
     "known as unstable with AF_XDP under load: try a long load first",
     {0},
     FINDING_HINT},
    {"igb",
     true,
     false,
     "tells XDP programs no stamps: the kernel stamps arrivals",
     {0},
     FINDING_OK},
    {"igc", true, true, "stamps four departures at a time", {0}, FINDING_OK},
    {"ena",
     false,
     false,
     "resets of the device with zero copy are known: try a long load first",
     {0},
     FINDING_HINT},
    {"virtio_net", false, false, "has no clock: the kernel stamps arrivals", {0}, FINDING_OK},
    {"veth",
     false,
     false,
     "copies each frame; takes no XDP program when its other end has a large MTU (9000)",
     {0},
     FINDING_OK},
};

static const struct driver *driver_named(const char *name)
{
    for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++)
        if (strcmp(drivers[i].name, name) == 0)
            return &drivers[i];
    return NULL;
}

bool driver_runs_programs(const char *name)
{
    return driver_named(name) != NULL;
}

bool driver_has_zero_copy(const char *name)
{
    const struct driver *driver = driver_named(name);
    return driver != NULL && driver->zero_copy;
}

// 6.10.4 as 6, 10, 4. False: unreadable.
static bool parse_release(const char *release, unsigned number[3])
{
    number[0] = number[1] = number[2] = 0;
    return release != NULL && sscanf(release, "%u.%u.%u", &number[0], &number[1], &number[2]) >= 2;
}

static bool is_older(const unsigned a[3], const unsigned b[3])
{
    for (int i = 0; i < 3; i++)
        if (a[i] != b[i])
            return a[i] < b[i];
    return false;
}

static void examine_note(const struct machine *m, const struct nic *nic, struct findings *list)
{
    const struct driver *driver = driver_named(nic->driver);
    unsigned running[3];

    if (driver == NULL) {
        finding_add(list, FINDING_UNSEEN, "%s: nothing is known here of the driver %s", nic->name,
                    nic->driver[0] != '\0' ? nic->driver : "(it has none)");
        return;
    }
    if (driver->least[0] == 0) {
        finding_add(list, driver->level, "%s (%s): %s", nic->name, driver->name, driver->note);
        return;
    }
    const bool old = parse_release(m->release, running) && is_older(running, driver->least);
    finding_add(list, old ? driver->level : FINDING_OK, "%s (%s): %s", nic->name, driver->name,
                driver->note);
    if (old)
        finding_mend(list, "install a kernel from %u.%u.%u on, or take 'socket' for this port",
                     driver->least[0], driver->least[1], driver->least[2]);
}

// With fewer than half of the channels each queue has an interrupt of its own, and zero copy would
// need one for both.
static void examine_channels(const struct nic *nic, struct findings *list)
{
    if ((strcmp(nic->driver, "igb") != 0 && strcmp(nic->driver, "igc") != 0) ||
        !nic->queues.known || nic->queues.combined_now > nic->queues.most / 2)
        return;
    finding_add(list, FINDING_HINT,
                "%s (%s): %" PRIu32 " of %" PRIu32 " channels: no zero copy with half or fewer",
                nic->name, nic->driver, nic->queues.combined_now, nic->queues.most);
    finding_mend(list, "ethtool -L %s combined %" PRIu32, nic->name, nic->queues.most);
}

void drivers_examine(const struct machine *m, struct findings *list)
{
    for (uint32_t i = 0; i < m->config->dataplane.n_ports; i++) {
        if (!m->nic[i].exists)
            continue;
        examine_note(m, &m->nic[i], list);
        examine_channels(&m->nic[i], list);
    }
}

static void examine_served(const struct machine *m, const struct nic *nic, struct findings *list)
{
    const json_t *port = machine_port(m->clock, nic->name);
    const char *receive = json_string_value(json_object_get(port, "receive"));
    const bool none = receive != NULL && strcmp(receive, "none") == 0;

    // Before the first frame there is nothing to tell.
    const int64_t frames = json_integer_value(json_object_get(port, "stamped")) +
                           json_integer_value(json_object_get(port, "unstamped"));
    if (receive == NULL || (none && frames == 0))
        return;
    finding_add(list, none ? FINDING_HINT : FINDING_OK, "%s: receive timestamps are from: %s%s",
                nic->name, receive,
                none ? " (a core notes when it looked, and root dispersion grows)" : "");
}

// What the device could do, and what is in the way.
static void examine_clock(const struct machine *m, const struct nic *nic, struct findings *list)
{
    const struct driver *driver = driver_named(nic->driver);
    unsigned running[3];

    if (!nic->stamps.known) {
        finding_add(list, FINDING_UNSEEN, "%s: its driver does not tell what it stamps", nic->name);
        return;
    }
    if (nic->stamps.phc < 0) {
        finding_add(list, FINDING_OK, "%s: its device has no clock; departures: %s", nic->name,
                    nic->stamps.tx_software ? "stamped by the kernel" : "not stamped");
        return;
    }
    finding_add(list, FINDING_OK,
                "%s: its device's clock is /dev/ptp%d; stamps arrivals: %s, "
                "departures: %s",
                nic->name, nic->stamps.phc, nic->stamps.rx_all ? "all" : "not all",
                nic->stamps.tx ? "yes" : "no");
    if (nic->stamps.rx_all && driver != NULL && driver->tells_arrivals &&
        parse_release(m->release, running) && running[0] * 1000 + running[1] < KERNEL_METADATA) {
        finding_add(list, FINDING_HINT,
                    "%s: kernel %s does not give the device's stamps to XDP programs", nic->name,
                    m->release);
        finding_mend(list, "install a kernel from 6.3 on");
    }
}

void stamps_examine(const struct machine *m, struct findings *list)
{
    for (uint32_t i = 0; i < m->config->dataplane.n_ports; i++) {
        if (!m->nic[i].exists)
            continue;
        examine_clock(m, &m->nic[i], list);
        examine_served(m, &m->nic[i], list);
    }
}
