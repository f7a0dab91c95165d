// Fourth stage: opens cookies, verifies requests, makes fresh cookies and seals replies. RFC 8915,
// sections 5.7 and 6. Two passes: the jobs are collected, then run side by side; only failures are
// handled one by one. Runs on a core's own batch.
#pragma once

#include "board/keyring.h"
#include "crypto/exchange.h"
#include "crypto/rng.h"
#include "dataplane/stage/batch.h"
#include "dataplane/stage/classify.h"

// What the stage works with in each turn; nothing in it is used after the turn. One core's own.
struct exchange_work {
    struct exchange_kernels kernels;
    struct exchange jobs;
    uint8_t random[LANES][EXCHANGE_RANDOM_LEN];
};

struct proof {
    lane_set given;   // genuine: the reply is complete
    lane_set doubted; // unknown key, or cookie or request not genuine: the reply will become a NAK
};

// Verifies and seals the lanes of requested.secure in one batch for each AEAD and those of
// requested.slow one at a time. Their clear parts are composed, and there are keys and random
// octets. A lane in neither set of the result has ended. Why a lane is doubted is added to
// batch->nak.
struct proof exchange(struct batch *batch, struct kinds requested, const struct keyring_view *keys,
                      struct rng *rng, struct exchange_work *work);
