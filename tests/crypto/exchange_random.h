// Random exchanges of all shapes for every kernel. Each buffer of a lane is between guard pages,
// directly at their edge or at any alignment, and only the sealed part of a reply is writable. The
// exchange with one lane at a time gives the expected result for all kernels.
#pragma once

#include "tests/crypto/exchange_reference.h"

// The buffers of a lane.
enum random_part {
    RANDOM_COOKIE,
    RANDOM_ASK,
    RANDOM_ASK_SEAL,
    RANDOM_REPLY,
    RANDOM_REPLY_SEAL,
    RANDOM_RANDOM,
    RANDOM_PARTS,
};

// What the bursts have had so far, so that a test can say that nothing was left out.
struct random_seen {
    uint64_t bursts, lanes, proven;
    uint64_t n_lanes[LANES + 1];
    uint64_t n_cookies[EXCHANGE_COOKIES_MAX + 1];
    uint64_t request_len[16], reply_len[16]; // by what is left of blocks
    uint64_t at[RANDOM_PARTS][16];           // misalignments
    uint64_t at_edge[RANDOM_PARTS][2];       // right behind the page before, right before the next
};

struct random_burst {
    lane_set which;
    lane_set proven; // by the reference
    struct bench made;
    uint8_t blank[LANES][LANE_SEAL_MAX]; // the replies' seals before the exchange
    struct exchange x;                   // in the fenced memory; what is not of `which` is NULL
    struct random_seen seen;
};

// Makes the burst of that seed and what must come of it.
void random_burst_make(struct random_burst *burst, uint64_t seed);

// Runs it through the variant. What is wrong, in words that last until the next call, or NULL. A
// touch outside the lanes' memory ends the program by a signal.
const char *random_burst_fault(struct random_burst *burst, const struct exchange_variant *variant);
