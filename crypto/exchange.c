// Which kernel this machine runs. Pure; any thread.
#include "crypto/exchange.h"

#include "crypto/exchange_variants.h"

#include <string.h>

const struct exchange_variant *const exchange_variants[] = {
#ifdef __x86_64__
    &exchange_vaes512,  &exchange_vaes256,
    &exchange_aesni,    &exchange_ipsec_mb,
#endif
    &exchange_portable, NULL,
};

const struct exchange_variant *exchange_variant_named(const char *name)
{
    bool any = strcmp(name, "auto") == 0;
    for (const struct exchange_variant *const *v = exchange_variants; *v != NULL; v++)
        if ((any || strcmp(name, (*v)->name) == 0) && (*v)->usable())
            return *v;
    return NULL;
}
