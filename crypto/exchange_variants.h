// The instances of the exchange, one per file. The build has those of its processor family. Pure;
// any thread.
#pragma once

#include "crypto/exchange.h"

extern const struct exchange_variant exchange_portable;
#ifdef __x86_64__
extern const struct exchange_variant exchange_aesni;
extern const struct exchange_variant exchange_vaes256;
extern const struct exchange_variant exchange_vaes512;
extern const struct exchange_variant exchange_ipsec_mb;

// Variants of the three kernels for groups of a few lanes of one shape.
lane_set exchange_aesni_few(struct exchange *x, lane_set which);
lane_set exchange_vaes256_few(struct exchange *x, lane_set which);
lane_set exchange_vaes512_few(struct exchange *x, lane_set which);
#endif
