// Fourth stage: cookies are opened, requests proven, fresh cookies made and replies sealed. RFC
// 8915, sections 5.7 and 6. Two passes: the jobs are gathered, then run side by side; only failures
// are looked at one by one. Runs on a core's own batch.
#pragma once

#include "board/keyring.h"
#include "crypto/exchange.h"
#include "crypto/rng.h"
#include "dataplane/stage/batch.h"
#include "dataplane/stage/classify.h"

// What the stage works with from turn to turn; nothing in it outlives a turn. One core's own.
struct exchange_work {
    struct exchange_kernels kernels;
    struct exchange jobs;
    uint8_t random[LANES][EXCHANGE_RANDOM_LEN];
};

struct proof {
    lane_set given;   // genuine: the reply is complete
    lane_set doubted; // unknown key, cookie or seal not genuine: to be rewritten into a NAK
};

// Proves and seals the lanes of asked.secure in one batch an AEAD and those of asked.slow one at a
// time. Their clear parts are composed, and there are keys and random octets. A lane in neither set
// of the answer has ended. Why a lane is doubted is added to batch->nak.
struct proof exchange(struct batch *batch, struct kinds asked, const struct keyring_view *keys,
                      struct rng *rng, struct exchange_work *work);
