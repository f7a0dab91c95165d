// The exchange on VAES with zmm registers, sixteen lanes in a group. Built with its own flags.
// Pure; any thread.
#include "crypto/lanes_vaes512.h"

#include "crypto/cpu.h"
#include "crypto/exchange_kernel.h"
#include "crypto/exchange_variants.h"

static lane_set vaes512_run(struct exchange *x, lane_set which)
{
    return kernel_run(x, which, exchange_vaes512_few);
}

const struct exchange_variant exchange_vaes512 = {
    .name = "vaes512",
    .usable = cpu_has_vaes512,
    .run = vaes512_run,
};
