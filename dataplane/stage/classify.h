// Third stage: what a packet requests. The decision table of RFC 8915, section 5.7 and of RFC
// 5905, as far as it can be decided without a key. Runs on a core's own batch.
#pragma once

#include "crypto/aead.h"
#include "dataplane/stage/batch.h"

#include <stdbool.h>

enum {
    UID_MIN = 32,  // RFC 8915, section 5.3
    UID_MAX = 256, // of a request with NTS: the echo must not serve as storage
};

// How a packet of len octets from source_port ends if all goes well: ANSWERED_PLAIN, ANSWERED_NTS
// (when its cookie and its tag are genuine), or a drop. The first condition that holds decides, in
// the order of the table. fields is always filled; seal only for ANSWERED_NTS.
enum outcome kind_of(const uint8_t *ntp, uint32_t len, uint16_t source_port, struct fields *fields,
                     struct authenticator *seal);

// Has a request with NTS the shape that the batch kernel of that AEAD takes: a nonce of that AEAD's
// own length, no ciphertext, a cookie of that AEAD's length? Other shapes are legal too, but rare.
bool is_usual_shape(const struct aead_lengths *aead, const struct fields *fields,
                    const struct authenticator *seal);

struct kinds {
    lane_set plain;
    lane_set secure[AEAD_ROWS]; // of the usual shape, by the session's AEAD
    lane_set slow;              // legal, but of an unusual shape; of any AEAD
};

static inline lane_set kinds_nts(struct kinds kinds)
{
    lane_set nts = kinds.slow;
    for (enum aead_row row = 0; row < AEAD_ROWS; row++)
        nts |= kinds.secure[row];
    return nts;
}

static inline lane_set kinds_all(struct kinds kinds)
{
    return kinds.plain | kinds_nts(kinds);
}

static inline struct kinds kinds_within(struct kinds kinds, lane_set lanes)
{
    kinds.plain &= lanes;
    for (enum aead_row row = 0; row < AEAD_ROWS; row++)
        kinds.secure[row] &= lanes;
    kinds.slow &= lanes;
    return kinds;
}

// The sets are disjoint; lanes in none of them have ended. batch->interleaved becomes those lanes
// whose origin timestamp has the tag of a receive timestamp (dataplane/table/tables.h).
struct kinds classify(struct batch *batch, lane_set lanes);

// Keeps the lanes that can be answered now, and ends the others without a reply: no reply with a
// time before there is a clock, and no NTS before there are keys and random octets. It sends no
// NAK: the client's cookies may well be good.
struct kinds able(struct batch *batch, struct kinds kinds, bool has_keys, bool has_clock,
                  bool silent);
