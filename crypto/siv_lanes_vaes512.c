// AES-SIV over lanes on VAES with zmm registers, sixteen lanes in a group. Built with its own
// flags. Pure; any thread.
#include "crypto/lanes_vaes512.h"

#include "crypto/cpu.h"
#include "crypto/siv_lanes_kernel.h"
#include "crypto/siv_lanes_variants.h"

static void vaes512_seal(struct client_lanes *s, lane_set which)
{
    siv_lanes_run(s, which, SIV_LANES_SEAL);
}

static lane_set vaes512_open(struct client_lanes *s, lane_set which)
{
    return siv_lanes_run(s, which, SIV_LANES_OPEN);
}

static void vaes512_decrypt(struct client_lanes *s, lane_set which)
{
    siv_lanes_run(s, which, SIV_LANES_DECRYPT);
}

const struct client_variant siv_lanes_vaes512 = {
    .name = "vaes512",
    .usable = cpu_has_vaes512,
    .seal = vaes512_seal,
    .open = vaes512_open,
    .decrypt = vaes512_decrypt,
};
