// The smear of leap seconds as a part of the time source: takes the list, steps the smear, writes
// it into the NTP state, and logs what a person has to know. One thread; never waits.
#pragma once

#include "board/ntp_state.h"
#include "control/time/leap_list.h"
#include "control/time/smear.h"

#include <stdbool.h>
#include <stdint.h>

struct smearing {
    bool on;               // a port smears
    const char *path;      // of the list, for messages
    struct leap_list list; // as taken last
    bool has_list;         // it was read once
    struct smear smear;
    struct smear_now now;
    bool bad_list;    // it cannot be read, or has expired: as logged last
    uint8_t foreign;  // enum ntp_leap: announced and not listed: as logged last
    bool silent;      // listed and not announced, on its day: as logged last
    int64_t warned_s; // Unix time of the last warning that the list will expire
};

// path: of the list, outlives it; NULL: no port smears.
void smearing_open(struct smearing *smearing, const char *path);

// A list that has just been read, or failed to be.
void smearing_take(struct smearing *smearing, const struct leap_list *list);

// Writes the smear at CLOCK_REALTIME utc_ns, the base of the state's line. said: enum ntp_leap,
// what the source announces. healthy as smear_step has it.
void smearing_write(struct smearing *smearing, int64_t utc_ns, uint8_t said, bool healthy,
                    struct ntp_state *state);

// Is the list of no use: was it never read, is it unreadable now, or expired?
bool smearing_list_is_bad(const struct smearing *smearing, int64_t utc_ns);
