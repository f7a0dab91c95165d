// AES-SIV over lanes on AES-NI, four lanes in a group. Built with its own flags. Pure; any thread.
#include "crypto/lanes_aesni.h"

#include "crypto/cpu.h"
#include "crypto/siv_lanes_kernel.h"
#include "crypto/siv_lanes_variants.h"

static void aesni_seal(struct client_lanes *s, lane_set which)
{
    siv_lanes_run(s, which, SIV_LANES_SEAL);
}

static lane_set aesni_open(struct client_lanes *s, lane_set which)
{
    return siv_lanes_run(s, which, SIV_LANES_OPEN);
}

static void aesni_decrypt(struct client_lanes *s, lane_set which)
{
    siv_lanes_run(s, which, SIV_LANES_DECRYPT);
}

const struct client_variant siv_lanes_aesni = {
    .name = "aesni",
    .usable = cpu_has_aesni,
    .seal = aesni_seal,
    .open = aesni_open,
    .decrypt = aesni_decrypt,
};
