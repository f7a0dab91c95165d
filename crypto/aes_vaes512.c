// AES with one key on VAES with zmm registers. Built with its own flags. Pure; any thread. FIPS
// 197.
#include "crypto/lanes_vaes512.h"

#include "crypto/aes_vaes.h"
#include "crypto/cpu.h"

static void vaes512_stream(const uint8_t *schedule, uint8_t counter[16], uint8_t *out, size_t n)
{
    stream(schedule, counter, out, n);
}

const struct aes aes_vaes512 = {
    .name = "vaes512",
    .usable = cpu_has_vaes512,
    .expand = aes_aesni_expand,
    .chain = aes_aesni_chain,
    .stream = vaes512_stream,
};
