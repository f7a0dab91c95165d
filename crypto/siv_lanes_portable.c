// AES-SIV over lanes in plain C, on bit planes, eight lanes in a group. Pure; any thread.
#include "crypto/lanes_portable.h"

#include "crypto/siv_lanes_kernel.h"
#include "crypto/siv_lanes_variants.h"

static bool portable_usable(void)
{
    return true;
}

static void portable_seal(struct client_lanes *s, lane_set which)
{
    siv_lanes_run(s, which, SIV_LANES_SEAL);
}

static lane_set portable_open(struct client_lanes *s, lane_set which)
{
    return siv_lanes_run(s, which, SIV_LANES_OPEN);
}

static void portable_decrypt(struct client_lanes *s, lane_set which)
{
    siv_lanes_run(s, which, SIV_LANES_DECRYPT);
}

const struct client_variant siv_lanes_portable = {
    .name = "portable",
    .usable = portable_usable,
    .seal = portable_seal,
    .open = portable_open,
    .decrypt = portable_decrypt,
};
