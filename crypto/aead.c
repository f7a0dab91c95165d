// The table of AEADs. Pure; any thread.
#include "crypto/aead.h"

static_assert((int)COOKIE_LEN == (int)COOKIE_KEYS_AT + 2 * (int)SIV_KEY_LEN &&
                  (int)COOKIE_KEYS_LEN == 2 * (int)SIV_KEY_LEN,
              "the batch kernels' cookies are those of AEAD 15");
static_assert((int)AEAD_COOKIE_MAX >= (int)COOKIE_LEN && AEAD_COOKIE_MAX % 4 == 0,
              "every row's cookie fits, and fills its field");

const struct aead aead_rows[AEAD_ROWS] = {
    [AEAD_SIV_CMAC_256] =
        {
            .id = 15,
            .row = AEAD_SIV_CMAC_256,
            .lengths = &aead_lengths[AEAD_SIV_CMAC_256],
            .name = "AEAD_AES_SIV_CMAC_256",
            .seal = siv_seal,
            .open = siv_open,
        },
};

const struct aead *aead_of_id(uint16_t id)
{
    for (const struct aead *aead = aead_rows; aead < aead_rows + AEAD_ROWS; aead++)
        if (aead->id == id)
            return aead;
    return NULL;
}
