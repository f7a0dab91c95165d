// The state of the server's clock, and the line that turns the TSC into UTC. Control writes it (its
// time source fits the line); the dataplane's housekeeping reads it, checks it, and writes the
// result for the cores. RFC 5905, section 7.3.
#pragma once

#include "base/ntp_time.h"
#include "board/snapshot.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum ntp_leap {
    LEAP_NONE = 0,
    LEAP_INSERT = 1,
    LEAP_DELETE = 2,
    LEAP_UNKNOWN = 3, // not synchronised
};

// Has the clock jumped by the leap second `of`, LEAP_INSERT or LEAP_DELETE? by_ns: by how much it
// differs from its line, which is off by some milliseconds besides.
static inline bool leap_is_jump(uint8_t of, double by_ns)
{
    const double besides_ns = by_ns - (of == LEAP_INSERT ? -NS_PER_S : NS_PER_S);
    return besides_ns > -50e6 && besides_ns < 50e6;
}

// What a port that smears leap seconds (dataplane.ports[].leap) makes of the state.
enum ntp_smear {
    SMEAR_NONE = 0, // no listed leap second is near: it serves the state as every port does
    SMEAR_ON = 1,   // it adds `smear` to the line, announces no leap second, and knows of no jump
    SMEAR_LOST = 2, // nobody knows whether the clock has made its jump: leap 3
};

// UTC as a line over the TSC:  utc = utc_base + (tsc - tsc_base) * rate / 2^RATE_SHIFT
enum { CLOCK_RATE_SHIFT = 48 };

struct clock_line {
    uint64_t tsc_base;
    ntp_time utc_base;
    uint64_t rate; // units of 2^-32 s per tick, times 2^CLOCK_RATE_SHIFT
};

struct ntp_state {
    struct clock_line line;
    uint64_t tsc_hz;      // nominal ticks a second, for ageing
    uint64_t written_tsc; // when control wrote this: the reader ages root_dispersion from here
    // From this tick on nobody has looked for so long whether the line still holds, that it may not
    // be called exact: dispersion then grows faster (dataplane/clock/clock.h).
    uint64_t void_after;
    ntp_time reference_time;
    uint32_t root_delay;      // NTP short format, 2^-16 s
    uint32_t root_dispersion; // likewise, at written_tsc: the source's error and the line's bound
    uint32_t reference_id;    // first octet in the highest bits
    uint8_t leap;             // enum ntp_leap
    uint8_t stratum;          // 1 to 15; not served while leap is LEAP_UNKNOWN
    int8_t precision;         // log2 seconds, -32 to 0
    uint8_t serving;          // 0: no line yet, the cores may not answer with a time; else 1
    uint32_t bound_ns;        // CLOCK_REALTIME is within this of the line at its base
    uint32_t growth_ppb;      // and within so many ns more for each second from there on
    uint32_t gates;           // readings that the line goes through, for status
    uint32_t steps;           // steps of CLOCK_REALTIME noticed since control started, for status
    // From this tick on the line is not valid, because the clock will jump; 0: no jump.
    uint64_t jump_tsc;
    // The dataplane writes it: another one after each step of the line. Control: 0.
    uint32_t generation;
    // Of SMEAR_ON; all zero otherwise. smear is what a smearing port adds to the line at its base,
    // in 2^-32 s, and smear_rate what it adds to the line's rate.
    uint8_t smear_state; // enum ntp_smear
    uint8_t smear_of;    // LEAP_INSERT or LEAP_DELETE: the leap second that is smeared
    uint8_t smear_leap;  // LEAP_NONE, or LEAP_UNKNOWN while the clock is not to be believed
    uint8_t spare;
    int64_t smear;
    int64_t smear_rate;
};
static_assert(sizeof(struct ntp_state) <= 8 * SNAPSHOT_WORDS_MAX, "fits a snapshot");
static_assert(sizeof(struct ntp_state) % 8 == 0, "is made of whole words");

// A reader's own copy. seen 0: nothing has been published yet; state is then all zero, and
// core_open sets leap to unknown.
struct ntp_state_view {
    uint64_t seen;
    uint64_t refused; // publications that were out of range
    struct ntp_state state;
};

// Is every field in the range of a real clock and of the NTP header, and does the line's rate agree
// with tsc_hz? Whether the time is right is not checked here.
bool ntp_state_is_sound(const struct ntp_state *state);

void ntp_state_publish(struct snapshot *board, const struct ntp_state *state);

// Brings the view up to date. A state that is not sound is refused and counted: the reader keeps
// its old one. True when the view changed.
bool ntp_state_refresh(const struct snapshot *board, struct ntp_state_view *view);
