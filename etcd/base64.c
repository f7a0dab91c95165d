// libcrypto's blocks, which do not say how many octets the last one has, and skip blanks.
#include "etcd/base64.h"

#include <openssl/evp.h>
#include <string.h>

void base64_encode(const uint8_t *octets, size_t len, char *text)
{
    EVP_EncodeBlock((unsigned char *)text, octets, (int)len);
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

ssize_t base64_decode(const char *text, uint8_t *octets, size_t room)
{
    const size_t len = strspn(text, alphabet), padding = strspn(text + len, "=");
    uint8_t last[3];

    if ((len + padding) % 4 != 0 || padding > 2 || text[len + padding] != '\0')
        return -1;
    const size_t blocks = (len + padding) / 4;
    if (blocks == 0)
        return 0;
    const size_t whole = 3 * (blocks - 1), n = whole + 3 - padding;
    if (n > room || n > 1 << 30)
        return -1;
    if (EVP_DecodeBlock(octets, (const unsigned char *)text, (int)(whole / 3 * 4)) < 0 ||
        EVP_DecodeBlock(last, (const unsigned char *)text + whole / 3 * 4, 4) < 0)
        return -1;
    memcpy(octets + whole, last, n - whole);
    return (ssize_t)n;
}
