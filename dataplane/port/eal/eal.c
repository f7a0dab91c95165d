#include "dataplane/port/eal/eal.h"

#include "base/log.h"
#include "dataplane/port/eal/dpdk_log.h"
#include "dataplane/port/xdp/foreign_log.h"

#include <rte_config.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_version.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool started;
static bool on_hugepages;

static uint64_t count_hugepages(unsigned kib, const char *which)
{
    char path[96];
    snprintf(path, sizeof path, "/sys/kernel/mm/hugepages/hugepages-%ukB/%s_hugepages", kib, which);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    unsigned long long n = 0;
    if (fscanf(file, "%llu", &n) != 1)
        n = 0;
    fclose(file);
    return n;
}

// Free hugepages of one size, in MiB. The kernel counts pages as free that a process has reserved
// and not touched yet, and any local user may reserve all of them.
static uint64_t free_hugepages_mib(unsigned kib)
{
    const uint64_t free = count_hugepages(kib, "free"), reserved = count_hugepages(kib, "resv");
    return free > reserved ? (free - reserved) * kib / 1024 : 0;
}

static bool hugepages_suffice(uint32_t mib)
{
    return free_hugepages_mib(2048) + free_hugepages_mib(1048576) >= mib;
}

// The allowed CPUs without those of the cores; all allowed CPUs when none is left.
static cpu_set_t spare_cpus(const cpu_set_t *allowed, const uint32_t *cores, uint32_t n_cores)
{
    cpu_set_t spare = *allowed;
    for (uint32_t i = 0; i < n_cores; i++)
        CPU_CLR(cores[i], &spare);
    return CPU_COUNT(&spare) > 0 ? spare : *allowed;
}

static void log_args(const struct eal_args *args)
{
    char line[EAL_ARGS_MAX * EAL_ARG_LEN] = "";
    size_t at = 0;
    for (int i = 1; i < args->argc; i++)
        at += (size_t)snprintf(line + at, sizeof line - at, " %s", args->argv[i]);
    log_info("%s starts with%s", rte_version(), line);
}

int eal_start(const struct eal_plan *plan)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return -errno;
    // DPDK's own threads inherit this set, so they do not run on the polling cores.
    cpu_set_t spare = spare_cpus(&allowed, plan->cores, plan->n_cores);
    if (sched_setaffinity(0, sizeof spare, &spare) != 0)
        return -errno;

    struct eal_machine machine = {.hugepages = hugepages_suffice(plan->memory_mib)};
    while (!CPU_ISSET(machine.main_cpu, &spare))
        machine.main_cpu++;
    on_hugepages = machine.hugepages;

    // DPDK makes a directory for files that its arguments switch off, and never removes it; when it
    // cannot make it, it goes on. It looks into the first of these, and if that is missing and the
    // user is not root, into the second.
    setenv("RUNTIME_DIRECTORY", "/proc/self", 1);
    setenv("XDG_RUNTIME_DIR", "/proc/self", 1);

    struct eal_args args;
    eal_args_build(&args, plan, &machine);
    log_args(&args);
    foreign_log_route(); // DPDK's AF_XDP driver uses both libraries
    int fault = dpdk_log_route();
    if (fault)
        return fault;
    foreign_log_hold();
    if (rte_eal_init(args.argc, args.argv) < 0) {
        log_error("DPDK does not start: %s (%s)", foreign_log_cause(), rte_strerror(rte_errno));
        return -rte_errno;
    }
    started = true;
    // DPDK has bound this thread to main_cpu; housekeeping may run on every CPU without a polling
    // core.
    sched_setaffinity(0, sizeof spare, &spare);
    return 0;
}

void eal_stop(void)
{
    if (started)
        rte_eal_cleanup();
    started = false;
}

bool eal_started(void)
{
    return started;
}

bool eal_on_hugepages(void)
{
    return on_hugepages;
}

const char *eal_memory(void)
{
    return on_hugepages ? "hugepages" : "4 KiB pages";
}

int eal_thread_enter(void)
{
    if (!started || rte_lcore_id() != LCORE_ID_ANY)
        return 0;
    return rte_thread_register() == 0 ? 0 : -ENOMEM;
}

void eal_thread_leave(void)
{
    if (started)
        rte_thread_unregister();
}

const char *eal_version(void)
{
    return rte_version();
}
