// When something happened, how far the true time may be from that, and what the time comes from;
// and when replies will leave. Pure.
#pragma once

#include "base/ntp_time.h"

#include <stdint.h>

enum moment_source {
    MOMENT_POLL,  // the time of the poll: the true time is earlier by up to the error
    MOMENT_STAMP, // the frame's own stamp, written by the kernel as it arrived
    MOMENT_OWN,   // the frame's own stamp, written by the device
};

struct moment {
    ntp_time utc;
    uint32_t error_ns; // UINT32_MAX also stands for more
    uint32_t source;   // enum moment_source
};

// When the replies of a part of a burst leave: reply k at first + k * each.
struct departures {
    ntp_time first;
    ntp_time each; // a span, in units of 2^-32 s
};
