// The kernel over the AVX-512 vocabulary, with its instructions emulated: the same source as
// crypto/exchange_vaes512.c, for processors that cannot run that.
#include "tests/crypto/avx512_shim.h"

#include "crypto/lanes_vaes512.h"

#include "crypto/exchange_kernel.h"
#include "tests/crypto/exchange_reference.h"

static bool always(void)
{
    return true;
}

static lane_set emulated_run(struct exchange *x, lane_set which)
{
    return kernel_run(x, which, NULL);
}

const struct exchange_variant exchange_vaes512_emulated = {
    .name = "vaes512-emulated",
    .usable = always,
    .run = emulated_run,
};
