// The exchange for one request of any legal shape: nonces of any length, encrypted fields, cookies
// of another length than ours. RFC 8915, sections 5.6 and 5.7. For a request of the usual shape it
// does the same as the batch kernel, octet for octet. Runs on a core's own batch.
#pragma once

#include "board/keyring.h"
#include "crypto/exchange.h"
#include "crypto/rng.h"
#include "dataplane/stage/batch.h"

// Verifies the request of a lane and seals its reply, whose clear part is composed. Returns how it
// ends: ANSWERED_NTS with the reply complete, ANSWERED_NAK when the reply must become a NAK, or a
// drop. A NAK's cause is added to batch->nak. Names the session of a request that is answered
// there, if sessions is not NULL. Keys and plaintext are wiped before it returns.
enum outcome slow_exchange(struct batch *batch, unsigned lane, const struct keyring_view *keys,
                           struct rng *rng, struct exchange_sessions *sessions);
