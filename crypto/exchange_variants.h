// The instances of the exchange, one a file. Which of them are in the build depends on the
// processor family that is built for. Pure; any thread.
#pragma once

#include "crypto/exchange.h"

extern const struct exchange_variant exchange_portable;
#ifdef __x86_64__
extern const struct exchange_variant exchange_aesni;
extern const struct exchange_variant exchange_vaes256;
extern const struct exchange_variant exchange_vaes512;
extern const struct exchange_variant exchange_ipsec_mb;
#endif
