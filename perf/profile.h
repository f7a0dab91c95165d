// Traffic profiles for ntsperf mix: named mixes of flows, each a text file in perf/profiles/ that
// is part of the program. A profile never changes: another mix gets another name, and its SHA-256
// is in every result. Any thread.
#pragma once

#include "perf/load/flow.h"

#include <stddef.h>
#include <stdint.h>

enum { PROFILE_HASH_LEN = 65, PROFILE_ABOUT_LEN = 128 };

struct profile {
    const char *name;
    char about[PROFILE_ABOUT_LEN];
    double weight[FLOW_KINDS];
    bool poisson;
    // In the first burst_len_ns of each burst_every_ns since 1970 the rate is burst_factor times as
    // high. burst_every_ns 0: there are no bursts.
    uint64_t burst_every_ns, burst_len_ns;
    double burst_factor;
};

// The names, in the order of --profile list. n: their number.
const char *const *profile_names(size_t *n);

// Reads the profile of that name; false when there is none.
bool profile_find(const char *name, struct profile *profile);

// The SHA-256 of the profile's text in hexadecimal, or "" when there is no profile of that name.
const char *profile_hash(const char *name, char hash[PROFILE_HASH_LEN]);

// Reads a profile's text: lines of a word and its values; # begins a comment. False when a line is
// none of a profile's.
bool profile_read(const char *text, size_t len, struct profile *profile);

// Prints the profiles: name, hash, what they are.
void profile_print_list(void);
