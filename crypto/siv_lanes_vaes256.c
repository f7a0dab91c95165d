// AES-SIV over lanes on VAES with ymm registers, eight lanes in a group. Built with its own flags.
// Pure; any thread.
#include "crypto/lanes_vaes256.h"

#include "crypto/cpu.h"
#include "crypto/siv_lanes_kernel.h"
#include "crypto/siv_lanes_variants.h"

static void vaes256_seal(struct client_lanes *s, lane_set which)
{
    siv_lanes_run(s, which, SIV_LANES_SEAL);
}

static lane_set vaes256_open(struct client_lanes *s, lane_set which)
{
    return siv_lanes_run(s, which, SIV_LANES_OPEN);
}

static void vaes256_decrypt(struct client_lanes *s, lane_set which)
{
    siv_lanes_run(s, which, SIV_LANES_DECRYPT);
}

const struct client_variant siv_lanes_vaes256 = {
    .name = "vaes256",
    .usable = cpu_has_vaes256,
    .seal = vaes256_seal,
    .open = vaes256_open,
    .decrypt = vaes256_decrypt,
};
