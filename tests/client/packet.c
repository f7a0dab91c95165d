// See packet.h.
#include "tests/client/packet.h"

#include "base/bytes.h"
#include "tests/client/octets.h"

#include <stdlib.h>

void packet_raw(struct packet *p, const uint8_t *octets, size_t len)
{
    if (len > PACKET_MAX - p->len) {
        fprintf(stderr, "a test's packet is longer than %d octets\n", PACKET_MAX);
        exit(2);
    }
    if (octets == NULL)
        memset(p->at + p->len, 0, len);
    else
        memcpy(p->at + p->len, octets, len);
    p->len += len;
}

void packet_start(struct packet *p, unsigned version, unsigned mode)
{
    p->len = 0;
    packet_raw(p, NULL, NTP_HEADER_LEN);
    p->at[0] = (uint8_t)(version << 3 | mode);
    octets_random(p->at + 40, 8);
    p->at[40] |= 1; // never zero
}

static size_t padded(size_t len)
{
    return (len + 3) & ~(size_t)3;
}

static void put16(struct packet *p, unsigned v)
{
    uint8_t octets[2];
    be16_put(octets, (uint16_t)v);
    packet_raw(p, octets, 2);
}

void packet_field(struct packet *p, uint16_t type, const uint8_t *body, size_t len)
{
    put16(p, type);
    put16(p, (unsigned)(EF_HEADER_LEN + padded(len)));
    packet_raw(p, body, len);
    packet_raw(p, NULL, padded(len) - len);
}

struct seal_shape packet_authenticator_plain(void)
{
    return (struct seal_shape){
        .nonce_len = 16,
        .claim_nonce_len = -1,
        .claim_cipher_len = -1,
        .claim_field_len = -1,
    };
}

void packet_authenticate(struct packet *p, const struct seal_shape *shape,
                         const uint8_t key[SEAL_KEY_LEN], const uint8_t *plain, size_t plain_len)
{
    uint8_t nonce[PACKET_MAX];
    uint8_t sealed[PACKET_MAX + SEAL_TAG_LEN];
    size_t nonce_len = shape->nonce_len;
    if (shape->nonce != NULL)
        memcpy(nonce, shape->nonce, nonce_len);
    else
        octets_random(nonce, nonce_len);
    if (nonce_len > 0)
        seal_close(key, p->at, p->len, nonce, nonce_len, plain, plain_len, sealed);
    else
        octets_random(sealed, plain_len + SEAL_TAG_LEN); // SIV has no seal without a nonce
    size_t sealed_len = plain_len + SEAL_TAG_LEN;

    // RFC 8915, section 5.6: a nonce shorter than 16 octets is made up for by padding at the end.
    size_t padding = shape->padding;
    if (!shape->unpadded && padded(nonce_len) < 16)
        padding += 16 - padded(nonce_len);

    size_t field = EF_HEADER_LEN + 4 + padded(nonce_len) + padded(sealed_len) + padding;
    put16(p, EF_AUTHENTICATOR);
    put16(p, shape->claim_field_len >= 0 ? (unsigned)shape->claim_field_len : (unsigned)field);
    put16(p, shape->claim_nonce_len >= 0 ? (unsigned)shape->claim_nonce_len : (unsigned)nonce_len);
    put16(p,
          shape->claim_cipher_len >= 0 ? (unsigned)shape->claim_cipher_len : (unsigned)sealed_len);
    packet_raw(p, nonce, nonce_len);
    packet_raw(p, NULL, padded(nonce_len) - nonce_len);
    packet_raw(p, sealed, sealed_len);
    packet_raw(p, NULL, padded(sealed_len) - sealed_len + padding);
}
