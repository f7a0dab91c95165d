// The exchange one packet at a time over nettle's AES-SIV, which is what chrony uses. One thread.
#pragma once

#include "crypto/exchange.h"

// Runs lanes 0 to n - 1 and returns those with a genuine cookie and request. The keys of the
// cookies are set up once per call, like in a server that keeps them ready.
lane_set nettle_exchange(struct exchange *x, unsigned n);
