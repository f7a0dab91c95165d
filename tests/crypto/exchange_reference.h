// The exchange one lane at a time over cookie.h and siv.h, and makers of lanes for it: what every
// kernel must equal bit for bit.
#pragma once

#include "crypto/cookie.h"
#include "crypto/exchange.h"

// The memory of the 64 lanes of one exchange. The longest associated data is that of a request with
// the longest identifier and placeholders for eight cookies.
enum {
    LANE_AD_MAX = 1200,
    LANE_SEAL_MAX = 32 + EXCHANGE_COOKIES_MAX * EXCHANGE_STRIDE,
    GUARD = 16
};

struct lane_memory {
    uint8_t cookie[COOKIE_LEN];
    uint8_t request[LANE_AD_MAX];
    uint8_t request_seal[32];
    uint8_t reply[LANE_AD_MAX];
    uint8_t reply_seal[LANE_SEAL_MAX + GUARD];
    uint8_t random[EXCHANGE_RANDOM_LEN];
    uint8_t keys[COOKIE_KEYS_LEN]; // what the cookie holds
};

struct bench {
    struct exchange x;
    struct lane_memory lane[LANES];
    struct cookie_key seal_key, old_key, older_key;
};

#ifdef __x86_64__
// vaes512's source with its instructions emulated.
extern const struct exchange_variant exchange_vaes512_emulated;
#endif

// Three cookie keys, made from a seed.
void bench_start(struct bench *b, uint64_t *seed);

// Makes lane l genuine: a cookie under key, a request under C2S, and a reply to be sealed.
void bench_lane(struct bench *b, unsigned l, const struct cookie_key *key, uint16_t request_len,
                uint16_t reply_len, uint8_t n_cookies, uint64_t *seed);

// Seals the request of lane l again, after its authenticated data has changed.
void bench_reseal(struct bench *b, unsigned l);

// Points the exchange of b at b's own memory.
void bench_point(struct bench *b);

// Makes lane l of any shape and either key.
void bench_any_lane(struct bench *b, unsigned l, uint64_t *seed);

// Runs the lanes one at a time.
lane_set reference_run(struct exchange *x, lane_set which);

// Runs a copy of b through the variant and through the reference; fails the test unless both find
// the same lanes proven, name the same sessions and write the same octets, and nothing outside
// them; in a lane that is refused the kernel leaves what stood there, or zeros. Returns the proven.
lane_set compare(const struct bench *b, lane_set which, const struct exchange_variant *variant);
