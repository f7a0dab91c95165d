// The time as a core sees it: the line over the TSC, and the state of the server's clock, which
// ages between two publications by control. RFC 5905, sections 7.3 and 11.2. Arithmetic only: the
// caller reads the TSC. Pure; any thread.
#pragma once

#include "base/ntp_time.h"
#include "board/ntp_state.h"

#include <stdint.h>

enum {
    // The rate at which an unwatched clock is taken to drift (RFC 5905: PHI, 15 ppm).
    CLOCK_PHI_PPM = 15,
    // Besides, once nobody watches the line any more (void_after): what adjtime and a crystal may
    // do to CLOCK_REALTIME meanwhile. Before that a change of its rate is not counted: it corrects
    // an error that the source has told of, so a line that does not follow it for 100 ms is wrong
    // by no more than the source said.
    CLOCK_VOID_PPM = 600,
    // Control publishes several times a second and is restarted within seconds when it dies. If it
    // is silent for longer than this, it cannot have noticed a step of the clock either, and ageing
    // does not cover a step: the server then says that it is not synchronised.
    CLOCK_SILENCE_MAX_S = 30,
    // A reply is not sent when its composing began longer ago than this: its timestamps would be
    // wrong.
    CLOCK_STALE_MS = 10,
};

#define CLOCK_DISPERSION_MAX UINT32_C(0x00100000) // 16 s in NTP short format (RFC 5905: MAXDISP)

// UTC at a reading of the TSC, before or after the line's base.
ntp_time clock_utc(const struct clock_line *line, uint64_t tsc);

// Is the server not synchronised at tsc? When leap is unknown, behind jump_tsc, after
// CLOCK_SILENCE_MAX_S of control's silence, or when the dispersion has reached its maximum.
bool clock_is_marked(const struct ntp_state *state, uint64_t tsc);

// The state at tsc. Root dispersion has grown since control wrote it, by PHI and by the line's own
// growth, and by `unsure`, the ticks by which a reply's timestamps may be wrong; it is rounded up.
// Leap is unknown when clock_is_marked says so, or when `unsure` has brought the dispersion to its
// maximum.
struct ntp_state clock_aged(const struct ntp_state *state, uint64_t tsc, uint64_t unsure);

// Is a span of ticks longer than CLOCK_STALE_MS?
bool clock_is_stale(const struct ntp_state *state, uint64_t ticks);
