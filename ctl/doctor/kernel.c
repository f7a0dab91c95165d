// The kernel: its version, limits that NTS-KE meets, hugepages for DPDK.
#include "ctl/doctor/findings_of.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BACKLOG = 4096 }; // what the server asks for: supervisor/listeners.c

// What the code needs or uses by version; what distributions have taken over earlier is not seen.
static const struct {
    unsigned version; // major x 1000 + minor
    const char *what;
} features[] = {
    {5004, "AF_XDP as it is used here"},
    {5011, "busy polling of zero-copy queues"},
    {6003, "a device's own arrival stamps"},
};

static void examine_version(const struct machine *m, struct findings *list)
{
    unsigned major, minor;

    if (m->release == NULL || sscanf(m->release, "%u.%u", &major, &minor) != 2) {
        finding_add(list, FINDING_UNSEEN, "the kernel's version");
        return;
    }
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++) {
        if (major * 1000 + minor >= features[i].version)
            continue;
        finding_add(list, i == 0 ? FINDING_FAULT : FINDING_HINT, "kernel %s: too old for %s",
                    m->release, features[i].what);
        finding_mend(list, "install a kernel from %u.%u on", features[i].version / 1000,
                     features[i].version % 1000);
        return;
    }
    finding_add(list, FINDING_OK, "kernel %s: has all that is used for interfaces", m->release);
}

// The queue of connections that nobody has accepted yet: the least of the server's wish and this.
static void examine_queue(const struct machine *m, struct findings *list)
{
    int64_t most, cookies;

    if (machine_number(m, &most, "proc/sys/net/core/somaxconn") < 0) {
        finding_add(list, FINDING_UNSEEN, "net.core.somaxconn");
    } else if (most < BACKLOG) {
        finding_add(list, FINDING_HINT,
                    "net.core.somaxconn is %" PRId64 ": fewer connections to NTS-KE can wait than "
                    "the %d that the server asks for",
                    most, BACKLOG);
        finding_mend(list, "sysctl -w net.core.somaxconn=%d", BACKLOG);
    } else {
        finding_add(list, FINDING_OK, "net.core.somaxconn is %" PRId64, most);
    }
    // With SYN cookies tcp_max_syn_backlog does not matter.
    if (machine_number(m, &cookies, "proc/sys/net/ipv4/tcp_syncookies") < 0)
        return;
    if (cookies == 0) {
        finding_add(list, FINDING_HINT,
                    "net.ipv4.tcp_syncookies is 0: a flood of SYNs keeps clients away from NTS-KE");
        finding_mend(list, "sysctl -w net.ipv4.tcp_syncookies=1");
    } else {
        finding_add(list, FINDING_OK, "net.ipv4.tcp_syncookies is %" PRId64, cookies);
    }
}

void kernel_examine(const struct machine *m, struct findings *list)
{
    bool interfaces = false;
    for (uint32_t i = 0; i < m->config->dataplane.n_ports; i++)
        interfaces |= m->config->dataplane.ports[i].kind == PORT_INTERFACE;
    if (interfaces)
        examine_version(m, list);
    examine_queue(m, list);
}

// Only DPDK's devices use them.
void memory_examine(const struct machine *m, struct findings *list)
{
    bool vdev = false;
    int64_t available = 0;

    for (uint32_t i = 0; i < m->config->dataplane.n_ports; i++)
        vdev |= m->config->dataplane.ports[i].kind == PORT_VDEV;
    if (!vdev)
        return;
    const char *memory =
        json_string_value(json_object_get(json_object_get(m->status, "dataplane"), "memory"));
    if (memory != NULL && strcmp(memory, "hugepages") == 0) {
        finding_add(list, FINDING_OK, "the dataplane has hugepages");
        return;
    }
    if (machine_number(m, &available, "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages") <
        0) {
        finding_add(list, FINDING_UNSEEN, "whether hugepages are free");
        return;
    }
    if (memory == NULL && available > 0) {
        finding_add(list, FINDING_OK, "%" PRId64 " hugepages of 2 MiB are free", available);
        return;
    }
    finding_add(list, FINDING_HINT, "%s, and %" PRId64 " hugepages of 2 MiB are free",
                memory != NULL ? "the dataplane has 4 KiB pages, which are slower"
                               : "a port is a DPDK device",
                available);
    finding_mend(list, "sysctl -w vm.nr_hugepages=512, then systemctl restart noonmarkd");
}
