// The exchange on VAES with ymm registers, eight lanes in a group. Built with its own flags. Pure;
// any thread.
#include "crypto/lanes_vaes256.h"

#include "crypto/cpu.h"
#include "crypto/exchange_kernel.h"
#include "crypto/exchange_variants.h"

static lane_set vaes256_run(struct exchange *x, lane_set which)
{
    return kernel_run(x, which, exchange_vaes256_few);
}

const struct exchange_variant exchange_vaes256 = {
    .name = "vaes256",
    .usable = cpu_has_vaes256,
    .run = vaes256_run,
};
