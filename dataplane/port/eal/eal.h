// DPDK's environment: its arguments are made from a plan and the machine alone, so that nobody has
// to know them. One environment holds all ports; the thread that starts it keeps its own CPU
// affinity.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    EAL_ARGS_MAX = 16,
    EAL_ARG_LEN = 64,
};

struct eal_plan {
    const char *prefix;    // of DPDK's files: no two processes that run may share one
    const uint32_t *cores; // CPUs of the polling threads: DPDK keeps off them if it can
    uint32_t n_cores;
    uint32_t memory_mib; // what all pools need: pool_memory_mib
};

struct eal_args {
    int argc;
    char *argv[EAL_ARGS_MAX + 1]; // points into text; ends with NULL
    char text[EAL_ARGS_MAX][EAL_ARG_LEN];
};

// What the arguments take from the machine.
struct eal_machine {
    uint32_t main_cpu; // where DPDK believes its main thread to be: no polling core if possible
    bool hugepages;    // enough of them are free
};

// Pure.
void eal_args_build(struct eal_args *args, const struct eal_plan *plan,
                    const struct eal_machine *machine);

// Starts DPDK. The calling thread keeps to CPUs other than the plan's cores, where there are any.
// Logs the arguments, and one line of what is wrong on failure. 0 or -errno; once a process.
int eal_start(const struct eal_plan *plan);

// Ends it. All ports are closed and all other threads of ours have left.
void eal_stop(void);

// DPDK must know each thread that moves packets, and knows the one that started it. 0 or -errno.
int eal_thread_enter(void);
void eal_thread_leave(void);

const char *eal_version(void);

// Of the environment that has been started.
bool eal_on_hugepages(void);

// "hugepages" or "4 KiB pages".
const char *eal_memory(void);
