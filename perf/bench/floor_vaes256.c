// The floor of vaes256. Built with its own flags. Pure; any thread.
#include "crypto/lanes_vaes256.h"

#include "crypto/cpu.h"
#include "perf/bench/floor_kernel.h"
#include "perf/bench/floors.h"

static void run(unsigned rounds)
{
    floor_run_rounds(rounds);
}

const struct floors_variant floor_vaes256 = {
    .name = "vaes256",
    .usable = cpu_has_vaes256,
    .lanes = BLOCK_LANES,
    .run = run,
};
