// Messages for the tests of AES-SIV over lanes, sealed by nettle, and the expected result of each
// by siv.h, one at a time: two oracles that share no code with the kernels.
#pragma once

#include "crypto/client_lanes.h"

enum {
    MESSAGE_NONCE_LEN = 16,
    MESSAGE_AD_MAX = 1100,
    MESSAGE_LEN_MAX = 912,
    MESSAGE_GUARD = 16,
};

struct message {
    uint8_t key[SIV_KEY_LEN];
    uint8_t nonce[MESSAGE_NONCE_LEN];
    uint8_t ad[MESSAGE_AD_MAX];
    uint8_t sealed[SIV_TAG_LEN + MESSAGE_LEN_MAX];
    uint8_t tag[SIV_TAG_LEN + MESSAGE_GUARD]; // of the same message without a plaintext
    uint8_t plain[MESSAGE_LEN_MAX + MESSAGE_GUARD];
};

struct messages {
    struct client_lanes s; // points at what follows
    struct message lane[LANES];
};

#ifdef __x86_64__
// vaes512's source with its instructions emulated.
extern const struct client_variant siv_lanes_vaes512_emulated;
#endif

// Makes lane l a genuine message of that shape. Fails the test where siv.h and nettle differ.
void messages_lane(struct messages *m, unsigned l, uint16_t ad_len, uint16_t len, uint64_t *seed);

// A plaintext's length in whole blocks.
static inline size_t message_room(size_t len)
{
    return (len + CLIENT_LANES_BLOCK - 1) / CLIENT_LANES_BLOCK * CLIENT_LANES_BLOCK;
}

// Seals, opens and decrypts those lanes; fails the test unless tags, verdicts and plaintexts are
// those of siv.h, the plaintexts of forged ones wiped and nothing else written. Returns the
// genuine.
lane_set messages_compare(struct messages *m, lane_set which, const struct client_variant *variant);
