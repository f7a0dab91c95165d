// The choice of AES implementation for this machine. Pure; any thread.
#include "crypto/aes.h"

#include <stddef.h>

const struct aes *const aes_all[] = {
#ifdef __x86_64__
    &aes_vaes512,  &aes_vaes256, &aes_aesni,
#endif
    &aes_portable, NULL,
};

const struct aes *aes_best(void)
{
    const struct aes *const *aes = aes_all;
    while (!(*aes)->usable())
        aes++;
    return *aes;
}
