// The choice of the kernel for this machine. Pure; any thread.
#include "crypto/exchange.h"

#include "crypto/exchange_variants.h"

#include <string.h>

static const struct exchange_variant *const of_siv[] = {
#ifdef __x86_64__
    &exchange_vaes512,  &exchange_vaes256,
    &exchange_aesni,    &exchange_ipsec_mb,
#endif
    &exchange_portable, NULL,
};

const struct exchange_variant *const *const exchange_variants[AEAD_ROWS] = {
    [AEAD_SIV_CMAC_256] = of_siv,
};

const struct exchange_variant *exchange_variant_named(enum aead_row row, const char *name)
{
    bool any = strcmp(name, "auto") == 0;
    for (const struct exchange_variant *const *v = exchange_variants[row]; *v != NULL; v++)
        if ((any || strcmp(name, (*v)->name) == 0) && (*v)->usable())
            return *v;
    return NULL;
}

bool exchange_kernels_named(const char *name, struct exchange_kernels *kernels)
{
    bool all = true;
    for (enum aead_row row = 0; row < AEAD_ROWS; row++) {
        kernels->of[row] = exchange_variant_named(row, name);
        all &= kernels->of[row] != NULL;
    }
    return all;
}
