// AES-256-GCM of libcrypto. A fleet writes a value a month, so that random nonces cannot meet.
#include "etcd/seal.h"

#include "base/bytes.h"

#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

enum { VERSION = 1, NONCE_LEN = 12, TAG_LEN = 16, AT_NONCE = 1, AT_TEXT = AT_NONCE + NONCE_LEN };
static_assert(AT_TEXT + TAG_LEN == SEAL_OVERHEAD, "the picture in seal.h");

// Key, nonce and associated data; seals when `seals`.
static bool begin(EVP_CIPHER_CTX *c, bool seals, const uint8_t secret[SEAL_KEY_LEN],
                  const uint8_t *nonce, const char *name)
{
    static const uint8_t version = VERSION;
    const size_t len = strlen(name);
    int n;

    return len < INT_MAX &&
           EVP_CipherInit_ex2(c, EVP_aes_256_gcm(), secret, nonce, seals ? 1 : 0, NULL) == 1 &&
           EVP_CipherUpdate(c, NULL, &n, &version, 1) == 1 &&
           EVP_CipherUpdate(c, NULL, &n, (const uint8_t *)name, (int)len) == 1;
}

bool seal_close(const uint8_t secret[SEAL_KEY_LEN], const char *name, const uint8_t *text,
                size_t len, uint8_t *sealed)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0, more = 0;

    sealed[0] = VERSION;
    const bool done =
        c != NULL && len < INT_MAX && RAND_bytes(sealed + AT_NONCE, NONCE_LEN) == 1 &&
        begin(c, true, secret, sealed + AT_NONCE, name) &&
        EVP_CipherUpdate(c, sealed + AT_TEXT, &n, text, (int)len) == 1 &&
        EVP_CipherFinal_ex(c, sealed + AT_TEXT + n, &more) == 1 &&
        (size_t)n + (size_t)more == len &&
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, sealed + AT_TEXT + len) == 1;
    EVP_CIPHER_CTX_free(c);
    return done;
}

bool seal_open(const uint8_t secret[SEAL_KEY_LEN], const char *name, const uint8_t *sealed,
               size_t len, uint8_t *text)
{
    if (len < SEAL_OVERHEAD || len >= INT_MAX || sealed[0] != VERSION)
        return false;
    const size_t text_len = len - SEAL_OVERHEAD;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0, more = 0;
    const bool done = c != NULL && begin(c, false, secret, sealed + AT_NONCE, name) &&
                      EVP_CipherUpdate(c, text, &n, sealed + AT_TEXT, (int)text_len) == 1 &&
                      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_LEN,
                                          (void *)(sealed + AT_TEXT + text_len)) == 1 &&
                      EVP_CipherFinal_ex(c, text + n, &more) == 1 &&
                      (size_t)n + (size_t)more == text_len;
    EVP_CIPHER_CTX_free(c);
    if (!done)
        bytes_wipe(text, text_len);
    return done;
}
