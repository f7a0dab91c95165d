// See seal.h.
#include "tests/client/seal.h"

#include <nettle/siv-cmac.h>

void seal_close(const uint8_t key[SEAL_KEY_LEN], const uint8_t *ad, size_t ad_len,
                const uint8_t *nonce, size_t nonce_len, const uint8_t *plain, size_t len,
                uint8_t *out)
{
    struct siv_cmac_aes128_ctx siv;
    siv_cmac_aes128_set_key(&siv, key);
    siv_cmac_aes128_encrypt_message(&siv, nonce_len, nonce, ad_len, ad, len + SEAL_TAG_LEN, out,
                                    plain);
}

bool seal_open(const uint8_t key[SEAL_KEY_LEN], const uint8_t *ad, size_t ad_len,
               const uint8_t *nonce, size_t nonce_len, const uint8_t *sealed, size_t len,
               uint8_t *plain)
{
    uint8_t none;
    struct siv_cmac_aes128_ctx siv;
    siv_cmac_aes128_set_key(&siv, key);
    return len >= SEAL_TAG_LEN &&
           siv_cmac_aes128_decrypt_message(&siv, nonce_len, nonce, ad_len, ad, len - SEAL_TAG_LEN,
                                           plain != NULL ? plain : &none, sealed) == 1;
}
