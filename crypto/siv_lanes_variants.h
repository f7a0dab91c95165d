// The instances of AES-SIV over lanes, one a file. Which of them are in the build depends on the
// processor family that is built for. Pure; any thread.
#pragma once

#include "crypto/client_lanes.h"

extern const struct client_variant siv_lanes_portable;
#ifdef __x86_64__
extern const struct client_variant siv_lanes_aesni;
extern const struct client_variant siv_lanes_vaes256;
extern const struct client_variant siv_lanes_vaes512;
#endif
