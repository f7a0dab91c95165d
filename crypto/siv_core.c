// The steps of AES-SIV. Pure; any thread. RFC 5297; CMAC is RFC 4493.
#include "crypto/siv_core.h"

#include "base/bytes.h"

#include <string.h>

// RFC 5297, section 2.3: doubling in GF(2^128).
void siv_core_dbl(uint8_t out[16], const uint8_t in[16])
{
    uint64_t high = be64_get(in);
    uint64_t low = be64_get(in + 8);
    uint64_t carry = high >> 63;
    be64_put(out, high << 1 | low >> 63);
    be64_put(out + 8, low << 1 ^ (0x87 & (0 - carry)));
}

// CMAC of a message that ends with a block of its own, `last` (n is 1 to 16 octets of it, or 0 for
// an empty message). The state is the CBC chain over all blocks before.
static void cmac_end(const struct aes *aes, const struct cookie_key *key, uint8_t state[16],
                     const uint8_t *last, size_t n)
{
    uint8_t block[16] = {0};
    if (n > 0)
        memcpy(block, last, n);
    if (n == 16) {
        bytes_xor16(block, key->subkey1);
    } else {
        block[n] = 0x80;
        bytes_xor16(block, key->subkey2);
    }
    aes->chain(key->mac_schedule[0], state, block, 1);
    bytes_wipe(block, sizeof block);
}

void siv_core_cmac(const struct aes *aes, const struct cookie_key *key, struct bytes_span part,
                   uint8_t mac[16])
{
    memset(mac, 0, 16);
    size_t lead = part.len > 0 ? (part.len - 1) / 16 : 0; // blocks before the last one
    if (lead > 0)
        aes->chain(key->mac_schedule[0], mac, part.at, lead);
    cmac_end(aes, key, mac, lead > 0 ? part.at + 16 * lead : part.at, part.len - 16 * lead);
}

void siv_core_start(const struct aes *aes, struct cookie_key *key,
                    const uint8_t secret[SIV_KEY_LEN])
{
    static const uint8_t zero[16];
    aes->expand(key->mac_schedule[0], secret);
    aes->expand(key->ctr_schedule[0], secret + 16);
    uint8_t l[16] = {0};
    aes->chain(key->mac_schedule[0], l, zero, 1);
    siv_core_dbl(key->subkey1, l);
    siv_core_dbl(key->subkey2, key->subkey1);
    bytes_wipe(l, sizeof l);
    // RFC 5297, section 2.4: D = AES-CMAC(K, <zero>), doubled for the first component.
    siv_core_cmac(aes, key, (struct bytes_span){zero, sizeof zero}, key->s2v_prefix);
    siv_core_dbl(key->s2v_prefix, key->s2v_prefix);
}

void siv_core_absorb(const struct aes *aes, struct cookie_key *key, struct bytes_span part)
{
    uint8_t mac[16];
    siv_core_cmac(aes, key, part, mac);
    bytes_xor16(key->s2v_prefix, mac);
    siv_core_dbl(key->s2v_prefix, key->s2v_prefix);
}

void siv_core_tag(const struct aes *aes, const struct cookie_key *key, struct bytes_span nonce,
                  const uint8_t *plain, size_t len, uint8_t tag[SIV_TAG_LEN])
{
    uint8_t d[16];
    siv_core_cmac(aes, key, nonce, d);
    bytes_xor16(d, key->s2v_prefix);
    uint8_t tail[32] = {
        0}; // the last 16 octets with D, and the octets before them in their first block
    memset(tag, 0, SIV_TAG_LEN);
    if (len >= 16) {
        // T = Sn xorend D. The last 16 octets may span two blocks.
        size_t lead = len / 16 - 1;
        size_t rest = len - 16 * lead; // 16 to 31
        if (lead > 0)
            aes->chain(key->mac_schedule[0], tag, plain, lead);
        memcpy(tail, plain + 16 * lead, rest);
        bytes_xor16(tail + rest - 16, d);
        if (rest > 16)
            aes->chain(key->mac_schedule[0], tag, tail, 1);
        cmac_end(aes, key, tag, rest > 16 ? tail + 16 : tail, rest > 16 ? rest - 16 : 16);
    } else {
        // T = dbl(D) xor pad(Sn)
        siv_core_dbl(tail, d);
        for (size_t i = 0; i < len; i++)
            tail[i] ^= plain[i];
        tail[len] ^= 0x80;
        cmac_end(aes, key, tag, tail, 16);
    }
    bytes_wipe(d, sizeof d);
    bytes_wipe(tail, sizeof tail);
}

void siv_core_crypt(const struct aes *aes, const struct cookie_key *key,
                    const uint8_t tag[SIV_TAG_LEN], const uint8_t *in, size_t len, uint8_t *out)
{
    // RFC 5297, section 2.6: Q = V with the top bits of its last two 32-bit words cleared.
    uint8_t counter[16];
    memcpy(counter, tag, sizeof counter);
    counter[8] &= 0x7f;
    counter[12] &= 0x7f;
    uint8_t stream[8 * 16];
    while (len > 0) {
        size_t now = len < sizeof stream ? len : sizeof stream;
        aes->stream(key->ctr_schedule[0], counter, stream, (now + 15) / 16);
        for (size_t i = 0; i < now; i++)
            out[i] = in[i] ^ stream[i];
        in += now;
        out += now;
        len -= now;
    }
    bytes_wipe(stream, sizeof stream);
}
