// The polling CPUs: that they are there, and that nothing else runs on them.
#include "ctl/doctor/findings_of.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIST_MAX = 4096 };

#define CPUS "sys/devices/system/cpu/"

void cores_examine(const struct machine *m, struct findings *list)
{
    char present[LIST_MAX], online[LIST_MAX], good[LIST_MAX];

    if (machine_read(m, present, sizeof present, CPUS "present") < 0 ||
        machine_read(m, online, sizeof online, CPUS "online") < 0) {
        finding_add(list, FINDING_UNSEEN, "the CPUs of this machine (/sys is not there)");
        return;
    }
    bool all = true;
    for (uint32_t i = 0; i < m->config->dataplane.n_cores; i++) {
        const unsigned cpu = m->config->dataplane.cores[i];
        if (cpu_list_has(online, cpu))
            continue;
        all = false;
        if (cpu_list_has(present, cpu)) {
            finding_add(list, FINDING_FAULT, "CPU %u (dataplane.cores) is offline", cpu);
            finding_mend(list, "echo 1 > /" CPUS "cpu%u/online", cpu);
        } else {
            finding_add(list, FINDING_FAULT, "CPU %u (dataplane.cores) is not there", cpu);
            finding_mend(list, "dataplane.cores in %s: choose from %s", m->config_path, online);
        }
    }
    cpu_list_of_cores(m->config, good, sizeof good);
    if (all)
        finding_add(list, FINDING_OK, "CPU %s: online", good);
}

// The value of a word of the kernel's command line, for example rcu_nocbs=; "" when it has none.
static void kernel_word(const struct machine *m, const char *word, char *value, size_t size)
{
    char line[4096], *rest;

    value[0] = '\0';
    if (machine_read(m, line, sizeof line, "proc/cmdline") < 0)
        return;
    const size_t len = strlen(word);
    for (char *at = strtok_r(line, " \n", &rest); at != NULL; at = strtok_r(NULL, " \n", &rest))
        if (strncmp(at, word, len) == 0 && at[len] == '=')
            snprintf(value, size, "%s", at + len + 1);
}

static bool names_all(const struct config *config, const char *list, const char *other)
{
    for (uint32_t i = 0; i < config->dataplane.n_cores; i++)
        if (!cpu_list_has(list, config->dataplane.cores[i]) &&
            !cpu_list_has(other, config->dataplane.cores[i]))
            return false;
    return true;
}

void isolation_examine(const struct machine *m, struct findings *list)
{
    char isolated[LIST_MAX], partition[LIST_MAX], tickless[LIST_MAX], rcu[LIST_MAX];
    char cores[LIST_MAX];

    cpu_list_of_cores(m->config, cores, sizeof cores);
    if (machine_read(m, isolated, sizeof isolated, CPUS "isolated") < 0) {
        finding_add(list, FINDING_UNSEEN, "whether the scheduler leaves the CPUs alone");
        return;
    }
    // isolcpus, or an isolated partition of cgroups
    machine_read(m, partition, sizeof partition, "sys/fs/cgroup/cpuset.cpus.isolated");
    if (names_all(m->config, isolated, partition)) {
        finding_add(list, FINDING_OK, "CPU %s: the scheduler puts no other task there", cores);
    } else {
        finding_add(list, FINDING_HINT,
                    "CPU %s: not all are isolated: replies wait while another task runs there",
                    cores);
        finding_mend(list, "isolcpus=%s on the kernel's command line, and a reboot", cores);
    }
    // A CPU of nohz_full needs no rcu_nocbs: the kernel takes it along.
    machine_read(m, tickless, sizeof tickless, CPUS "nohz_full");
    kernel_word(m, "rcu_nocbs", rcu, sizeof rcu);
    const bool offloaded = strcmp(rcu, "all") == 0 || names_all(m->config, rcu, tickless);
    if (names_all(m->config, tickless, "")) {
        finding_add(list, FINDING_OK, "CPU %s: without the scheduler's tick and RCU callbacks",
                    cores);
    } else {
        finding_add(list, FINDING_HINT, "CPU %s: the scheduler's tick%s the polling", cores,
                    offloaded ? " interrupts" : " and the kernel's RCU callbacks interrupt");
        finding_mend(list, "nohz_full=%s%s%s on the kernel's command line, and a reboot", cores,
                     offloaded ? "" : " rcu_nocbs=", offloaded ? "" : cores);
    }
}

// Does the name begin with that word, which no digit follows?
static bool begins_with(const char *name, const char *word)
{
    const size_t len = strlen(word);
    return len > 0 && strncmp(name, word, len) == 0 && (name[len] < '0' || name[len] > '9');
}

// The device of an interface, as its interrupts are named after it: "virtio2", "0000:01:00.0".
static void name_device(const struct machine *m, const char *interface, char *name, size_t size)
{
    char path[PATH_MAX], target[PATH_MAX];

    name[0] = '\0';
    snprintf(path, sizeof path, "%s/sys/class/net/%s/device", m->root, interface);
    const ssize_t len = readlink(path, target, sizeof target - 1);
    if (len <= 0)
        return;
    target[len] = '\0';
    const char *slash = strrchr(target, '/');
    snprintf(name, size, "%.63s", slash != NULL ? slash + 1 : target);
}

// Is it an interrupt of an interface that is served? action: what it is named after.
static bool is_ours(const struct machine *m, const char *irq, const char *action)
{
    char device[64], text[8];

    for (int i = 0; i < CONFIG_PORTS_MAX; i++) {
        const char *name = m->nic[i].name;
        if (name[0] == '\0')
            continue;
        name_device(m, name, device, sizeof device);
        if (begins_with(action, name) || begins_with(action, device) ||
            machine_read(m, text, sizeof text, "sys/class/net/%s/device/msi_irqs/%s", name, irq) >=
                0)
            return true;
    }
    return false;
}

static bool may_come_to_a_core(const struct machine *m, const char *irq)
{
    char affinity[LIST_MAX];

    if (machine_read(m, affinity, sizeof affinity, "proc/irq/%s/effective_affinity_list", irq) <=
            0 &&
        machine_read(m, affinity, sizeof affinity, "proc/irq/%s/smp_affinity_list", irq) <= 0)
        return false;
    for (uint32_t i = 0; i < m->config->dataplane.n_cores; i++)
        if (cpu_list_has(affinity, m->config->dataplane.cores[i]))
            return true;
    return false;
}

// Has it an action, which is a directory named after it, of another device? One without an action
// never comes.
static bool is_foreign(const struct machine *m, const char *irq)
{
    char path[PATH_MAX];
    bool used = false, ours = false;

    snprintf(path, sizeof path, "%s/proc/irq/%s", m->root, irq);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return false;
    for (const struct dirent *at; (at = readdir(folder)) != NULL;) {
        if (at->d_type != DT_DIR || at->d_name[0] == '.')
            continue;
        used = true;
        ours |= is_ours(m, irq, at->d_name);
    }
    closedir(folder);
    return used && !ours;
}

void interrupts_examine(const struct machine *m, struct findings *list)
{
    char path[PATH_MAX], irqs[512] = "", cores[LIST_MAX], online[LIST_MAX], others[LIST_MAX];

    cpu_list_of_cores(m->config, cores, sizeof cores);
    snprintf(path, sizeof path, "%s/proc/irq", m->root);
    DIR *folder = opendir(path);
    if (folder == NULL) {
        finding_add(list, FINDING_UNSEEN, "which interrupts come to CPU %s", cores);
        return;
    }
    for (const struct dirent *at; (at = readdir(folder)) != NULL;) {
        const size_t len = strlen(irqs);
        if (strspn(at->d_name, "0123456789") != strlen(at->d_name) || !is_foreign(m, at->d_name) ||
            !may_come_to_a_core(m, at->d_name))
            continue;
        snprintf(irqs + len, sizeof irqs - len, "%s%.10s", len > 0 ? " " : "", at->d_name);
    }
    closedir(folder);
    if (irqs[0] == '\0') {
        finding_add(list, FINDING_OK, "CPU %s: no interrupt of another device is sent there",
                    cores);
        return;
    }
    machine_read(m, online, sizeof online, CPUS "online");
    cpu_list_without_cores(m->config, online, others, sizeof others);
    finding_add(list, FINDING_HINT, "CPU %s: interrupts of other devices may come there: %s", cores,
                irqs);
    if (others[0] != '\0' && machine_runs(m, "irqbalance"))
        finding_mend(list,
                     "IRQBALANCE_BANNED_CPULIST=%s in /etc/default/irqbalance, then systemctl "
                     "restart irqbalance",
                     cores);
    else if (others[0] != '\0')
        finding_mend(list, "for i in %s; do echo %s > /proc/irq/$i/smp_affinity_list; done", irqs,
                     others);
}
