// The floor of aesni. Built with its own flags. Pure; any thread.
#include "crypto/lanes_aesni.h"

#include "crypto/cpu.h"
#include "perf/bench/floor_kernel.h"
#include "perf/bench/floors.h"

static void run(unsigned rounds)
{
    floor_run_rounds(rounds);
}

const struct floors_variant floor_aesni = {
    .name = "aesni",
    .usable = cpu_has_aesni,
    .lanes = BLOCK_LANES,
    .run = run,
};
