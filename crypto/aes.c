// Which AES this machine runs. Pure; any thread.
#include "crypto/aes.h"

const struct aes *aes_best(void)
{
#ifdef __x86_64__
    if (aes_aesni.usable())
        return &aes_aesni;
#endif
    return &aes_portable;
}
