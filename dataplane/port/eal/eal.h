// DPDK's environment: its arguments are made from our configuration alone, so that nobody has to
// know them. One environment holds all ports; the thread that starts it keeps its own CPU affinity.
#pragma once

#include "dataplane/port/use.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    EAL_ARGS_MAX = 16,
    EAL_ARG_LEN = 64,
};

// What the arguments depend on.
struct eal_plan {
    uint32_t main_cpu;   // where DPDK believes its main thread to be: no polling core if possible
    uint32_t memory_mib; // what all pools need
    bool hugepages;      // enough of them are free
    enum port_use use;
    int process; // its id: two that ask on one machine must not share a prefix
};

struct eal_args {
    int argc;
    char *argv[EAL_ARGS_MAX + 1]; // points into text; ends with NULL
    char text[EAL_ARGS_MAX][EAL_ARG_LEN];
};

// Pure.
void eal_args_build(struct eal_args *args, const struct eal_plan *plan);

// Starts DPDK for that many queues, on CPUs other than cores where there are any. Logs the
// arguments, and one line of what is wrong on failure. 0 or -errno; once a process.
int eal_start(const uint32_t *cores, uint32_t n_cores, uint32_t n_queues, enum port_use use);

// Ends it. All ports are closed and all other threads of ours have left.
void eal_stop(void);

// DPDK must know each thread that moves packets, and knows the one that started it. 0 or -errno.
int eal_thread_enter(void);
void eal_thread_leave(void);

const char *eal_version(void);

// "hugepages" or "4 KiB pages".
const char *eal_memory(void);
