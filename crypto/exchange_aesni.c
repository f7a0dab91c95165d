// The exchange on AES-NI, four lanes in a group. Built with its own flags. Pure; any thread.
#include "crypto/lanes_aesni.h"

#include "crypto/cpu.h"
#include "crypto/exchange_kernel.h"
#include "crypto/exchange_variants.h"

static lane_set aesni_run(struct exchange *x, lane_set which)
{
    return kernel_run(x, which, exchange_aesni_few);
}

const struct exchange_variant exchange_aesni = {
    .name = "aesni",
    .usable = cpu_has_aesni,
    .run = aesni_run,
};
