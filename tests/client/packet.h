// Builds NTP requests, valid and invalid: it writes any shape that a test specifies, also if it
// violates RFC 7822 or RFC 8915. Pure except for random octets.
#pragma once

#include "tests/client/seal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PACKET_MAX = 4096, // larger than any datagram that the tests send
    NTP_HEADER_LEN = 48,
    EF_HEADER_LEN = 4,

    EF_UNIQUE_ID = 0x0104,
    EF_COOKIE = 0x0204,
    EF_PLACEHOLDER = 0x0304,
    EF_AUTHENTICATOR = 0x0404,
};

struct packet {
    size_t len;
    uint8_t at[PACKET_MAX];
};

// How an authenticator field is laid out. All zero but nonce_len 16 is the common form.
struct seal_shape {
    uint16_t nonce_len;
    uint16_t padding;     // additional octets at the end of the field
    bool unpadded;        // leave out even what RFC 8915, section 5.6 demands for a short nonce
    int claim_nonce_len;  // what the field says, -1: the truth
    int claim_cipher_len; // likewise
    int claim_field_len;  // likewise, of the field itself
    const uint8_t *nonce; // NULL: random
};

struct seal_shape packet_authenticator_plain(void);

// An empty request: 48 octets, random transmit timestamp, all else zero but version and mode.
void packet_start(struct packet *p, unsigned version, unsigned mode);

// Appends octets as they are; NULL stands for zeros. Too long is a bug of the test: it ends the
// program.
void packet_raw(struct packet *p, const uint8_t *octets, size_t len);

// Appends an extension field whose body is padded with zeros to a multiple of four.
void packet_field(struct packet *p, uint16_t type, const uint8_t *body, size_t len);

// Appends the authenticator that seals everything so far and carries plain.
void packet_authenticate(struct packet *p, const struct seal_shape *shape,
                         const uint8_t key[SEAL_KEY_LEN], const uint8_t *plain, size_t plain_len);
