// Time as a core tells it: the line over the TSC, and what the server says of its clock as it ages
// between control's publications. RFC 5905, sections 7.3 and 11.2. Arithmetic only: the caller
// reads the TSC. Pure; any thread.
#pragma once

#include "base/ntp_time.h"
#include "board/ntp_state.h"

#include <stdint.h>

enum {
    // How fast a clock that nobody watches is taken to go wrong (RFC 5905: PHI, 15 ppm).
    CLOCK_PHI_PPM = 15,
    // Control publishes several times a second and is restarted within seconds when it dies. Silent
    // for longer, it cannot have noticed a step of the clock either, and ageing does not cover a
    // step: the server then says that it is not synchronised.
    CLOCK_SILENCE_MAX_S = 30,
    // A reply whose request was taken in longer ago than this no longer says when it leaves.
    CLOCK_STALE_MS = 10,
};

#define CLOCK_DISPERSION_MAX UINT32_C(0x00100000) // 16 s in NTP short format (RFC 5905: MAXDISP)

// UTC at a reading of the TSC, before or after the line's base.
ntp_time clock_utc(const struct clock_line *line, uint64_t tsc);

// The state as it stands at tsc: root dispersion grown since control wrote it and by `unsure`, the
// ticks by which a reply's timestamps may be wrong, rounded up; leap unknown after
// CLOCK_SILENCE_MAX_S of silence or when the dispersion has reached its maximum.
struct ntp_state clock_aged(const struct ntp_state *state, uint64_t tsc, uint64_t unsure);

// Is a span of ticks longer than CLOCK_STALE_MS?
bool clock_is_stale(const struct ntp_state *state, uint64_t ticks);
