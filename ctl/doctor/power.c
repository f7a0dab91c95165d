// What slows a polling CPU: its frequency, its sleep, a thread that shares its core, a distant
// card.
#include "ctl/doctor/findings_of.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIST_MAX = 4096,
    STATES_MAX = 16, // of cpuidle
    DEEP_US =
        10, // a state that needs longer to wake delays an arrival by more than a stamp's error
};

#define CPU "sys/devices/system/cpu/cpu%u/"

static void examine_governor(const struct machine *m, unsigned cpu, struct findings *list)
{
    char governor[64];

    if (machine_read(m, governor, sizeof governor, CPU "cpufreq/scaling_governor", cpu) <= 0) {
        finding_add(list, FINDING_UNSEEN,
                    "CPU %u: the kernel does not set its frequency here (a virtual machine, or "
                    "the firmware does)",
                    cpu);
    } else if (strcmp(governor, "performance") == 0) {
        finding_add(list, FINDING_OK, "CPU %u: governor performance", cpu);
    } else {
        finding_add(list, FINDING_HINT, "CPU %u: governor %s may lower its frequency", cpu,
                    governor);
        finding_mend(list, "echo performance > /" CPU "cpufreq/scaling_governor", cpu);
    }
}

// A core with idle: poll never sleeps, so its states do not matter.
static void examine_sleep(const struct machine *m, unsigned cpu, struct findings *list)
{
    int64_t latency, disabled, deepest = -1;

    for (unsigned i = 0; i < STATES_MAX; i++) {
        if (machine_number(m, &latency, CPU "cpuidle/state%u/latency", cpu, i) < 0)
            break;
        if (machine_number(m, &disabled, CPU "cpuidle/state%u/disable", cpu, i) == 0 &&
            disabled == 0 && latency > deepest)
            deepest = latency;
    }
    if (deepest < 0)
        finding_add(list, FINDING_UNSEEN, "CPU %u: the kernel lists no states of sleep", cpu);
    else if (deepest <= DEEP_US)
        finding_add(list, FINDING_OK, "CPU %u: wakes within %" PRId64 " us", cpu, deepest);
    else {
        finding_add(list, FINDING_HINT,
                    "CPU %u: an idle core (dataplane.idle: adaptive) needs up to %" PRId64
                    " us to wake",
                    cpu, deepest);
        finding_mend(list, "cpupower -c %u idle-set -D %d", cpu, DEEP_US);
    }
}

static void examine_thread(const struct machine *m, unsigned cpu, struct findings *list)
{
    char siblings[256], online[LIST_MAX];

    if (machine_read(m, siblings, sizeof siblings, CPU "topology/thread_siblings_list", cpu) <= 0) {
        finding_add(list, FINDING_UNSEEN, "CPU %u: which CPUs share its core", cpu);
        return;
    }
    machine_read(m, online, sizeof online, "sys/devices/system/cpu/online");
    for (unsigned other = 0; other < CPUS_MAX; other++) {
        if (other == cpu || !cpu_list_has(siblings, other) || !cpu_list_has(online, other))
            continue;
        finding_add(list, FINDING_HINT, "CPU %u: shares its core with CPU %u, which is online", cpu,
                    other);
        finding_mend(list, "echo 0 > /" CPU "online", other);
        return;
    }
    finding_add(list, FINDING_OK, "CPU %u: has a core of its own", cpu);
}

static void examine_node(const struct machine *m, const struct nic *nic, struct findings *list)
{
    char cpus[LIST_MAX];
    int64_t node;

    if (machine_number(m, &node, "sys/class/net/%s/device/numa_node", nic->name) < 0 || node < 0 ||
        machine_read(m, cpus, sizeof cpus, "sys/devices/system/node/node%" PRId64 "/cpulist",
                     node) <= 0)
        return; // one node, or the device belongs to none
    for (uint32_t i = 0; i < m->config->dataplane.n_cores; i++) {
        const unsigned cpu = m->config->dataplane.cores[i];
        if (cpu_list_has(cpus, cpu))
            continue;
        finding_add(list, FINDING_HINT, "CPU %u: not on the NUMA node of %s, which is %" PRId64,
                    cpu, nic->name, node);
        finding_mend(list, "dataplane.cores in %s: choose from %s", m->config_path, cpus);
        return;
    }
    finding_add(list, FINDING_OK, "%s and the cores are on NUMA node %" PRId64, nic->name, node);
}

void power_examine(const struct machine *m, struct findings *list)
{
    for (uint32_t i = 0; i < m->config->dataplane.n_cores; i++) {
        const unsigned cpu = m->config->dataplane.cores[i];
        examine_governor(m, cpu, list);
        if (m->config->dataplane.idle == IDLE_ADAPTIVE)
            examine_sleep(m, cpu, list);
        examine_thread(m, cpu, list);
    }
    for (uint32_t i = 0; i < m->config->dataplane.n_ports; i++)
        if (m->nic[i].exists)
            examine_node(m, &m->nic[i], list);
}
