// Which key opens a cookie, for its counter (board/key_counters.h). Nearly always the current one:
// only the others are noted. Runs on a core's own batch.
#pragma once

#include "board/keyring.h"
#include "dataplane/stage/batch.h"

// key: of the view, and not its current one.
static inline void key_used_older(struct batch *batch, unsigned lane,
                                  const struct keyring_view *keys, const struct cookie_key *key)
{
    batch->older |= lane_bit(lane);
    batch->key[lane] = (uint8_t)(key - keys->key);
}
