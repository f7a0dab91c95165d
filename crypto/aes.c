// Which AES this machine runs. Pure; any thread.
#include "crypto/aes.h"

const struct aes *aes_best(void)
{
#ifdef __x86_64__
    static const struct aes *const fastest_first[] = {&aes_vaes512, &aes_vaes256, &aes_aesni};
    for (unsigned i = 0; i < sizeof fastest_first / sizeof *fastest_first; i++)
        if (fastest_first[i]->usable())
            return fastest_first[i];
#endif
    return &aes_portable;
}
