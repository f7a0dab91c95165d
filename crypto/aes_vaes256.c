// AES with one key on VAES with ymm registers. Built with its own flags. Pure; any thread. FIPS
// 197.
#include "crypto/lanes_vaes256.h"

#include "crypto/aes_vaes.h"
#include "crypto/cpu.h"

static void vaes256_stream(const uint8_t *schedule, uint8_t counter[16], uint8_t *out, size_t n)
{
    stream(schedule, counter, out, n);
}

const struct aes aes_vaes256 = {
    .name = "vaes256",
    .usable = cpu_has_vaes256,
    .expand = aes_aesni_expand,
    .chain = aes_aesni_chain,
    .stream = vaes256_stream,
};
