// The instances of AES-SIV over lanes, one per file. The build has those of its processor family.
// Pure; any thread.
#pragma once

#include "crypto/client_lanes.h"

extern const struct client_variant siv_lanes_portable;
#ifdef __x86_64__
extern const struct client_variant siv_lanes_aesni;
extern const struct client_variant siv_lanes_vaes256;
extern const struct client_variant siv_lanes_vaes512;
#endif
