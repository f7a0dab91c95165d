// The exchange on VAES with zmm registers for groups of at most four lanes: a block is one vector.
// Built with its own flags. Pure; any thread.
#define LANES_FEW
#include "crypto/lanes_vaes512.h"

#include "crypto/exchange_kernel.h"
#include "crypto/exchange_variants.h"

lane_set exchange_vaes512_few(struct exchange *x, lane_set which)
{
    return kernel_run(x, which, NULL);
}
