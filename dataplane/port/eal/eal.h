// DPDK's environment. Its arguments are made from a plan and the machine alone, so that no operator
// has to know them. One environment has all ports; the thread that starts it keeps its own CPU
// affinity.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    EAL_ARGS_MAX = 16,
    EAL_ARG_LEN = 64,
};

struct eal_plan {
    const char *prefix;    // of DPDK's files: no two running processes may share one
    const uint32_t *cores; // CPUs of the polling threads: DPDK's threads avoid them if possible
    uint32_t n_cores;
    uint32_t memory_mib; // what all pools need: pool_memory_mib
};

struct eal_args {
    int argc;
    char *argv[EAL_ARGS_MAX + 1]; // points into text; ends with NULL
    char text[EAL_ARGS_MAX][EAL_ARG_LEN];
};

// What the arguments need to know of the machine.
struct eal_machine {
    uint32_t main_cpu; // the CPU on which DPDK believes its main thread to be: not a polling core
                       // if possible
    bool hugepages;    // enough of them are free
};

// Pure.
void eal_args_build(struct eal_args *args, const struct eal_plan *plan,
                    const struct eal_machine *machine);

// Starts DPDK. The calling thread keeps to CPUs other than the plan's cores, where there are any.
// Logs the arguments, and on failure one line that says what is wrong. 0 or -errno; once in a
// process.
int eal_start(const struct eal_plan *plan);

// Ends it, if it runs. All ports are closed and all other threads of this program have called
// eal_thread_leave.
void eal_stop(void);

bool eal_started(void);

// DPDK must know each thread that moves packets, and knows the one that started it. 0 or -errno;
// both do nothing when it does not run.
int eal_thread_enter(void);
void eal_thread_leave(void);

const char *eal_version(void);

// True when the started environment uses hugepages.
bool eal_on_hugepages(void);

// "hugepages" or "4 KiB pages".
const char *eal_memory(void);
