// No branch and no address depends on a secret. Run under valgrind's memcheck with the secrets
// marked as undefined: it reports each jump and each load that depends on them. The argument "leak"
// plants such a jump, which has to be reported.
//
// Functions that open are left out: whether a seal was genuine is public, and they branch on it.
#include "crypto/client_lanes.h"
#include "crypto/cookie.h"
#include "crypto/rng.h"
#include "crypto/siv_core.h"
#include "tests/crypto/support.h"

#include <valgrind/memcheck.h>

static uint64_t seed = 30;

// Octets that memcheck takes for secrets.
static void secret(uint8_t *out, size_t n)
{
    fill_mixed(&seed, out, n);
    (void)VALGRIND_MAKE_MEM_UNDEFINED(out, n);
}

// Seals, and decrypts without a look at the tag, on every lane.
static void lanes(const struct client_variant *variant)
{
    static struct client_lanes s;
    static uint8_t key[LANES][SIV_KEY_LEN], ad[84], nonce[16], sealed[LANES][16 + 112];
    static uint8_t tag[LANES][16], plain[LANES][112];
    secret(ad, sizeof ad);
    secret(nonce, sizeof nonce);
    for (unsigned l = 0; l < LANES; l++) {
        secret(key[l], sizeof key[l]);
        secret(sealed[l], sizeof sealed[l]);
        s.key[l] = key[l];
        s.ad[l] = ad;
        s.nonce[l] = nonce;
        s.tag[l] = tag[l];
        s.sealed[l] = sealed[l];
        s.plain[l] = plain[l];
        s.ad_len[l] = sizeof ad;
        s.len[l] = 104;
    }
    variant->seal(&s, ~(lane_set)0);
    variant->decrypt(&s, ~(lane_set)0);
}

int main(int argc, char **argv)
{
    uint8_t key[32], ad[84], nonce[16], plain[104], out[120], keys[64], cookie[COOKIE_LEN];
    volatile unsigned jumps = 0;
    if (!RUNNING_ON_VALGRIND)
        return 1;
    secret(key, sizeof key);
    secret(ad, sizeof ad);
    secret(nonce, sizeof nonce);
    secret(plain, sizeof plain);
    secret(keys, sizeof keys);
    for (unsigned i = 0; aes_all[i] != NULL; i++)
        if (aes_all[i]->usable())
            siv_seal_over(aes_all[i], key, (struct bytes_span){ad, 84},
                          (struct bytes_span){nonce, 16}, plain, sizeof plain, out);
    for (unsigned i = 0; client_variants[AEAD_SIV_CMAC_256][i] != NULL; i++)
        if (client_variants[AEAD_SIV_CMAC_256][i]->usable())
            lanes(client_variants[AEAD_SIV_CMAC_256][i]);
    struct cookie_key cookie_key;
    cookie_key_expand_own(&cookie_key, 7, key);
    cookie_seal(&cookie_key, nonce, keys, COOKIE_KEYS_LEN, cookie);
    struct rng rng;
    uint8_t seeds[RNG_SEED_LEN];
    secret(seeds, sizeof seeds);
    rng_init(&rng);
    rng_reseed(&rng, seeds);
    rng_fill(&rng, out, sizeof out);
    if (argc == 2 && strcmp(argv[1], "leak") == 0 && (out[0] & 1))
        jumps++;
    return 0;
}
