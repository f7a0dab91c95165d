// How much CPU time the exchanges of each source have taken lately, in memory that never grows.
// Addresses of TCP are real, so time is charged to them: to a host (an IPv4 address; /64 of IPv6),
// to the network around it (/24; /56), which may take KE_CPU_NETWORK times as much, and to the
// block around that (/20; /48), which may take KE_CPU_BLOCK times as much. Time and not
// connections, because a signature with RSA costs four with ECDSA, and a handshake that is broken
// off less than a whole one.
//
// Each level has a table of its own, 8,192 accounts in lines of 16; a keyed hash chooses the line.
// Loads decay exponentially: that gives a steady rate and a burst. A new account takes the place of
// the smallest one of its line, and takes over its load as `error`; only what is above the error is
// held against the source (guaranteed counts; Metwally, Agrawal, El Abbadi, 2005). So nobody is
// refused for what others took, but for two prefixes of one line with the same 32 bits of the hash.
// Levels do not share lines, because a network's time counts a 32nd part there: each new host would
// take its place.
//
// All loops share one table; any thread. A lock is held for a fraction of a microsecond, a few
// times for each exchange of some hundred microseconds.
#pragma once

#include "control/ke/ke_source.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    KE_CPU_NETWORK = 32,
    KE_CPU_BLOCK = 256,
};

struct ke_cpu_limit;

// What a host may take; ns_per_s is not 0.
struct ke_cpu_rate {
    uint64_t ns_per_s; // steadily: ns of CPU time in a second
    uint64_t burst_ns; // at once
};

// An empty table with a secret of its own. NULL: no memory, or the system gave no random octets.
struct ke_cpu_limit *ke_cpu_limit_open(void);

// Charges CPU time that a connection of that source has taken. now: monotonic ns.
void ke_cpu_limit_charge(struct ke_cpu_limit *limit, const struct ke_source_address *from,
                         uint64_t cpu_ns, const struct ke_cpu_rate *rate, uint64_t now);

// Has the host, its network or its block taken more than it may?
bool ke_cpu_limit_is_over(struct ke_cpu_limit *limit, const struct ke_source_address *from,
                          const struct ke_cpu_rate *rate, uint64_t now);

// Takes NULL.
void ke_cpu_limit_close(struct ke_cpu_limit *limit);
