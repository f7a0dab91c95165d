// AES-SIV over the AVX-512 vocabulary, with its instructions emulated: the same source as
// crypto/siv_lanes_vaes512.c, for processors that cannot run that.
#include "tests/crypto/avx512_shim.h"

#include "crypto/lanes_vaes512.h"

#include "crypto/siv_lanes_kernel.h"
#include "tests/crypto/siv_lanes_messages.h"

static bool always(void)
{
    return true;
}

static void emulated_seal(struct client_lanes *s, lane_set which)
{
    siv_lanes_run(s, which, SIV_LANES_SEAL);
}

static lane_set emulated_open(struct client_lanes *s, lane_set which)
{
    return siv_lanes_run(s, which, SIV_LANES_OPEN);
}

static void emulated_decrypt(struct client_lanes *s, lane_set which)
{
    siv_lanes_run(s, which, SIV_LANES_DECRYPT);
}

const struct client_variant siv_lanes_vaes512_emulated = {
    .name = "vaes512-emulated",
    .usable = always,
    .seal = emulated_seal,
    .open = emulated_open,
    .decrypt = emulated_decrypt,
};
