// Queues, the hash that fills them, rings, offloads and interrupt moderation.
#include "ctl/doctor/findings_of.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static uint32_t all_queues(const struct machine *m)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->config->dataplane.n_ports; i++)
        if (m->nic[i].exists && m->nic[i].queues.known)
            n += m->nic[i].queues.rx;
        else
            n++;
    return n;
}

// More queues than cores are dealt out; fewer leave cores without work.
static void examine_count(const struct machine *m, const struct nic *nic, struct findings *list)
{
    const uint32_t cores = m->config->dataplane.n_cores;

    if (!nic->queues.known) {
        finding_add(list, FINDING_UNSEEN, "%s: its driver does not tell its queues", nic->name);
        return;
    }
    if (nic->queues.rx > nic->queues.tx) {
        finding_add(list, FINDING_HINT,
                    "%s: receives on %" PRIu32 " queues and sends on %" PRIu32
                    ": the others are served by the kernel's path",
                    nic->name, nic->queues.rx, nic->queues.tx);
        finding_mend(list, "ethtool -L %s rx %" PRIu32, nic->name, nic->queues.tx);
    } else if (m->config->dataplane.n_ports == 1 && nic->queues.rx < cores) {
        finding_add(list, FINDING_HINT,
                    "%s: has %" PRIu32 " queues for %" PRIu32 " cores: the others poll for nothing",
                    nic->name, nic->queues.rx, cores);
        if (nic->queues.most >= cores)
            finding_mend(list, "ethtool -L %s combined %" PRIu32, nic->name, cores);
        else
            finding_mend(list, "dataplane.cores in %s: %" PRIu32 " CPUs", m->config_path,
                         nic->queues.rx);
    } else {
        finding_add(list, FINDING_OK,
                    "%s: queues: %" PRIu32 ", of all ports: %" PRIu32 ", for cores: %" PRIu32,
                    nic->name, nic->queues.rx, all_queues(m), cores);
    }
}

static void examine_hash(const struct nic *nic, struct findings *list)
{
    static const char *const flow[] = {"udp4", "udp6"};

    if (nic->queues.known && nic->queues.rx < 2)
        return; // there is nothing to deal out
    for (int i = 0; i < 2; i++) {
        if (!nic->hash[i].known) {
            finding_add(list, FINDING_UNSEEN, "%s: its driver does not tell its hash of %s",
                        nic->name, flow[i]);
        } else if (nic->hash[i].has_ports) {
            finding_add(list, FINDING_HINT,
                        "%s: the hash of %s takes ports: requests of one address come to all cores",
                        nic->name, flow[i]);
            finding_mend(list, "ethtool -N %s rx-flow-hash %s sd", nic->name, flow[i]);
        } else {
            finding_add(list, FINDING_OK, "%s: all %s packets of an address come to one queue",
                        nic->name, flow[i]);
        }
    }
}

// A longer ring helps where frames were lost, and costs memory elsewhere.
static void examine_ring(const struct machine *m, const struct nic *nic, struct findings *list)
{
    const json_t *port = machine_port(m->status, nic->name);
    const int64_t missed = json_integer_value(json_object_get(port, "rx_missed"));

    if (!nic->ring.known)
        return; // a device without rings, as veth is
    if (missed > 0 && nic->ring.rx < nic->ring.rx_most) {
        finding_add(list, FINDING_HINT,
                    "%s: %" PRId64 " frames missed, and its ring has %" PRIu32 " of %" PRIu32
                    " places",
                    nic->name, missed, nic->ring.rx, nic->ring.rx_most);
        finding_mend(list, "ethtool -G %s rx %" PRIu32, nic->name, nic->ring.rx_most);
    } else {
        finding_add(list, FINDING_OK, "%s: its ring has %" PRIu32 " of %" PRIu32 " places",
                    nic->name, nic->ring.rx, nic->ring.rx_most);
    }
}

void queues_examine(const struct machine *m, struct findings *list)
{
    for (uint32_t i = 0; i < m->config->dataplane.n_ports; i++) {
        if (!m->nic[i].exists)
            continue;
        examine_count(m, &m->nic[i], list);
        examine_hash(&m->nic[i], list);
        examine_ring(m, &m->nic[i], list);
    }
}

// Do VLAN interfaces stand on it?
static bool carries_vlans(const struct machine *m, const char *name)
{
    char path[PATH_MAX], text[1024];
    bool found = false;

    snprintf(path, sizeof path, "%s/sys/class/net/%s", m->root, name);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return false;
    for (const struct dirent *at; (at = readdir(folder)) != NULL;)
        if (strncmp(at->d_name, "upper_", 6) == 0 &&
            machine_read(m, text, sizeof text, "sys/class/net/%s/%s/uevent", name, at->d_name) > 0)
            found |= strstr(text, "DEVTYPE=vlan") != NULL;
    closedir(folder);
    return found;
}

static bool stamped_by_device(const struct machine *m, const char *name)
{
    const char *receive =
        json_string_value(json_object_get(machine_port(m->clock, name), "receive"));
    return receive != NULL && strcmp(receive, "hardware") == 0;
}

static void examine_moderation(const struct machine *m, const struct nic *nic,
                               struct findings *list)
{
    if (!nic->moderation.known)
        return; // veth has none
    if (!nic->moderation.adaptive && nic->moderation.usecs == 0) {
        finding_add(list, FINDING_OK, "%s: no interrupt moderation", nic->name);
    } else if (stamped_by_device(m, nic->name)) {
        finding_add(list, FINDING_OK,
                    "%s: interrupt moderation, but its own clock stamps arrivals: costs nothing of "
                    "their accuracy",
                    nic->name);
    } else {
        char wait[32] = "adaptive";
        if (!nic->moderation.adaptive)
            snprintf(wait, sizeof wait, "%" PRIu32 " us", nic->moderation.usecs);
        finding_add(
            list, FINDING_HINT,
            "%s: interrupt moderation (%s): an arrival is stamped when the driver takes the "
            "frame, which can be later by that",
            nic->name, wait);
        finding_mend(list, "ethtool -C %s rx-usecs 0 adaptive-rx off", nic->name);
    }
}

void offloads_examine(const struct machine *m, struct findings *list)
{
    for (uint32_t i = 0; i < m->config->dataplane.n_ports; i++) {
        const struct nic *nic = &m->nic[i];
        if (!nic->exists)
            continue;
        if (!nic->offload.known)
            finding_add(list, FINDING_UNSEEN, "%s: its offloads", nic->name);
        if (nic->offload.lro) {
            finding_add(list, FINDING_HINT,
                        "%s: LRO is on: many drivers take no XDP program beside it", nic->name);
            finding_mend(list, "ethtool -K %s lro off", nic->name);
        }
        if (nic->offload.vlan_stripped && carries_vlans(m, nic->name)) {
            finding_add(list, FINDING_HINT,
                        "%s: carries VLANs and takes their tags off: such requests go the "
                        "kernel's path, which is slower",
                        nic->name);
            finding_mend(list, "ethtool -K %s rxvlan off", nic->name);
        } else if (nic->offload.known && !nic->offload.lro) {
            finding_add(list, FINDING_OK, "%s: no offload is in the way", nic->name);
        }
        examine_moderation(m, nic, list);
    }
}
