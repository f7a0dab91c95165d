// The floor of vaes512. Built with its own flags. Pure; any thread.
#include "crypto/lanes_vaes512.h"

#include "crypto/cpu.h"
#include "perf/bench/floor_kernel.h"
#include "perf/bench/floors.h"

static void run(unsigned rounds)
{
    floor_run_rounds(rounds);
}

const struct floors_variant floor_vaes512 = {
    .name = "vaes512",
    .usable = cpu_has_vaes512,
    .lanes = BLOCK_LANES,
    .run = run,
};
