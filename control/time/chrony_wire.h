// The packets of chronyd's command protocol, version 6 (chrony 2.2 and later), as far as they are
// needed: the request `tracking` and its reply. A request is as long as its reply, so that chronyd
// never sends more than it gets; a shorter one is not answered.
//
// Pure: octets in, octets out.
#pragma once

#include "base/ntp_time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHRONY_PACKET_LEN = 104 }; // of the request and of its reply

// What chronyd says of its clock: what its own server would serve now.
struct chrony_tracking {
    uint32_t reference_id; // first octet in the highest bits
    uint8_t stratum;       // 0 to 16; 0: it has no reference
    uint8_t leap;          // enum ntp_leap; 3: it is not synchronised
    ntp_time reference_time;
    double correction_s;      // chronyd's time minus the system's: what it has not corrected yet
    double root_delay_s;      // not negative
    double root_dispersion_s; // not negative
};

enum chrony_verdict {
    CHRONY_GOOD,
    CHRONY_OTHER,   // no reply to the request with that number: an older one, or anything else
    CHRONY_REFUSED, // a reply to it, but not a tracking report of this version
    CHRONY_BROKEN,  // a tracking report that no chronyd sends
};

void chrony_request(uint32_t number, uint8_t packet[CHRONY_PACKET_LEN]);

// Reads the reply to the request with that number. *tracking is written for CHRONY_GOOD alone.
enum chrony_verdict chrony_reply(const uint8_t *packet, size_t len, uint32_t number,
                                 struct chrony_tracking *tracking);
