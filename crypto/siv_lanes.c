// Which kernel of the client's half this machine runs. Pure; any thread.
#include "crypto/siv_lanes.h"

#include "crypto/siv_lanes_variants.h"

#include <string.h>

const struct siv_lanes_variant *const siv_lanes_variants[] = {
#ifdef __x86_64__
    &siv_lanes_vaes512,  &siv_lanes_vaes256,
    &siv_lanes_aesni,
#endif
    &siv_lanes_portable, NULL,
};

const struct siv_lanes_variant *siv_lanes_variant_named(const char *name)
{
    bool any = strcmp(name, "auto") == 0;
    for (const struct siv_lanes_variant *const *v = siv_lanes_variants; *v != NULL; v++)
        if ((any || strcmp(name, (*v)->name) == 0) && (*v)->usable())
            return *v;
    return NULL;
}
