// DPDK's command line as a pure function of the plan and the machine.
#include "dataplane/port/eal/eal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 2, 3))) static void add_arg(struct eal_args *args, const char *format,
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
    add_arg(args, "%s", plan->prefix);
    // One lcore, numbered 0 on any CPU, because a CPU's number may exceed DPDK's limit. The polling
    // threads are started by this program and register themselves.
    add_arg(args, "--lcores=0@%u", machine->main_cpu);
    add_arg(args, "--no-pci");
    add_arg(args, "--no-telemetry");
    add_arg(args, "--file-prefix=%s", plan->prefix);
    if (machine->hugepages) {
        add_arg(args, "--in-memory"); // no file: nothing is left after a crash
    } else {
        // DPDK 22.11 refuses --in-memory together with --no-huge.
        add_arg(args, "--no-huge");
        add_arg(args, "--no-shconf");
        add_arg(args, "-m");
        add_arg(args, "%u", plan->memory_mib);
    }
}
