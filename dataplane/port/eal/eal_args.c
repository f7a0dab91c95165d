// DPDK's command line as a pure function of the plan and the machine.
#include "dataplane/port/eal/eal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 2, 3))) static void add(struct eal_args *args, const char *format,
                                                      ...)
{
    assert(args->argc < EAL_ARGS_MAX);
    char *text = args->text[args->argc];
    va_list list;
    va_start(list, format);
    int len = vsnprintf(text, EAL_ARG_LEN, format, list);
    va_end(list);
    assert(len >= 0 && len < EAL_ARG_LEN);
    args->argv[args->argc++] = text;
    args->argv[args->argc] = NULL;
}

void eal_args_build(struct eal_args *args, const struct eal_plan *plan,
                    const struct eal_machine *machine)
{
    args->argc = 0;
    add(args, "%s", plan->prefix);
    // One lcore, numbered 0 wherever it runs: a CPU's number may exceed what DPDK can count. The
    // polling threads are ours and register themselves.
    add(args, "--lcores=0@%u", machine->main_cpu);
    add(args, "--no-pci");
    add(args, "--no-telemetry");
    add(args, "--file-prefix=%s", plan->prefix);
    if (machine->hugepages) {
        add(args, "--in-memory"); // no file: nothing stays after a crash
    } else {
        // DPDK 22.11 refuses --in-memory beside --no-huge.
        add(args, "--no-huge");
        add(args, "--no-shconf");
        add(args, "-m");
        add(args, "%u", plan->memory_mib);
    }
}
