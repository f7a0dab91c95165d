// When something happened, how far the truth may lie from that, and who said it; and when replies
// are to leave. Pure.
#pragma once

#include "base/ntp_time.h"

#include <stdint.h>

enum moment_source {
    MOMENT_POLL,  // when the core looked: the truth is earlier by up to the error
    MOMENT_STAMP, // of the frame itself, as it arrived
};

struct moment {
    ntp_time utc;
    uint32_t error_ns; // UINT32_MAX also when it is more
    uint32_t source;   // enum moment_source
};

// When the replies of a part of a burst leave: reply k of it at first + k * each.
struct departures {
    ntp_time first;
    ntp_time each; // a span, in units of 2^-32 s
};
