// Counts AES blocks. RFC 5297, RFC 8915, section 5.7. Blocks that can be shared are counted once.
#include "perf/bench/floors.h"

#include "crypto/exchange.h"
#include "perf/bench/shapes.h"

enum { ROUNDS = 10, SCHEDULES = 3 };

static unsigned blocks(unsigned octets)
{
    return (octets + 15) / 16;
}

unsigned floor_rounds(unsigned cookies)
{
    unsigned keys = blocks(COOKIE_KEYS_LEN);
    unsigned text = blocks(cookies * EXCHANGE_STRIDE);
    unsigned opened = keys + 1 + keys; // CTR, CMAC of the nonce, CMAC of the keys
    unsigned fresh = 1 + 1 + keys;     // nonce, the last block of CMAC, CTR
    unsigned start = 2;                // CMAC's subkeys, CMAC of <zero>
    unsigned ask = start + 1 + blocks(shape_ask_len(cookies)) + 1;
    unsigned reply = start + 1 + blocks(SHAPE_REPLY_LEN) + text + text;
    // One vector with one word of each key does the substitution for four times as many lanes.
    unsigned schedules = SCHEDULES * ROUNDS / 4 + 1;
    return ROUNDS * (opened + cookies * fresh + ask + reply) + schedules;
}
