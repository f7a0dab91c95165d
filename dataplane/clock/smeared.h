// The clock of a port that smears leap seconds (dataplane.ports[].leap): control's state with the
// smear added to the line. Cores of such a port read it in the place of the state; so arrivals,
// departures, also those that are told later, and the reference time are smeared alike, each at its
// own instant, and a core has nothing to do for it. Arithmetic only. Pure; any thread.
#pragma once

#include "board/ntp_state.h"

#include <stdbool.h>
#include <stdint.h>

// The reference of a time that is smeared: 127.127.1.255. NTP has no flag for it; chronyd tells its
// `smoothtime` by the same number.
#define SMEARED_REFERENCE UINT32_C(0x7f7f01ff)

// The state as a smearing port serves it.
struct ntp_state smeared(const struct ntp_state *state);

// Behind the jump of a leap second the line of before it is off the clock by a second until control
// has a new one, but the smeared time, which does not jump, is right. Is this such a difference?
// off_ns: the clock minus the line, at tsc.
bool smeared_explains(const struct ntp_state *state, uint64_t tsc, double off_ns);
