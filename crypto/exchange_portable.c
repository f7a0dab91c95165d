// The exchange in plain C, on bit planes, eight lanes in a group: for processors without AES
// instructions. Pure; any thread.
#include "crypto/lanes_portable.h"

#include "crypto/exchange_kernel.h"
#include "crypto/exchange_variants.h"

static bool portable_usable(void)
{
    return true;
}

static lane_set portable_run(struct exchange *x, lane_set which)
{
    return kernel_run(x, which, NULL);
}

const struct exchange_variant exchange_portable = {
    .name = "portable",
    .usable = portable_usable,
    .run = portable_run,
};
