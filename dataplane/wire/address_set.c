// Finding an address: a set has only a few addresses, so a linear search is enough.
#include "dataplane/wire/address_set.h"

#include <string.h>

bool address_set_has_v4(const struct address_set *set, const uint8_t address[4])
{
    for (uint32_t i = 0; i < set->n_v4; i++) {
        if (memcmp(set->v4[i], address, 4) == 0)
            return true;
    }
    return false;
}

bool address_set_has_v6(const struct address_set *set, const uint8_t address[16])
{
    for (uint32_t i = 0; i < set->n_v6; i++) {
        if (memcmp(set->v6[i], address, 16) == 0)
            return true;
    }
    return false;
}
