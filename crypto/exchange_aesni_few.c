// The exchange on AES-NI for groups of one lane: a block is one vector. Built with its own flags.
// Pure; any thread.
#define LANES_FEW
#include "crypto/lanes_aesni.h"

#include "crypto/exchange_kernel.h"
#include "crypto/exchange_variants.h"

lane_set exchange_aesni_few(struct exchange *x, lane_set which)
{
    return kernel_run(x, which, NULL);
}
