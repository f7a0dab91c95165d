// The choice of the client's kernel for this machine. Pure; any thread.
#include "crypto/client_lanes.h"

#include "crypto/siv_lanes_variants.h"

#include <string.h>

static const struct client_variant *const of_siv[] = {
#ifdef __x86_64__
    &siv_lanes_vaes512,  &siv_lanes_vaes256,
    &siv_lanes_aesni,
#endif
    &siv_lanes_portable, NULL,
};

const struct client_variant *const *const client_variants[AEAD_ROWS] = {
    [AEAD_SIV_CMAC_256] = of_siv,
};

const struct client_variant *client_variant_named(enum aead_row row, const char *name)
{
    bool any = strcmp(name, "auto") == 0;
    for (const struct client_variant *const *v = client_variants[row]; *v != NULL; v++)
        if ((any || strcmp(name, (*v)->name) == 0) && (*v)->usable())
            return *v;
    return NULL;
}
