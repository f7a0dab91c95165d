// Sending frames in a way that tells when they left: a packet socket whose frames are stamped
// (SO_TIMESTAMPING). It costs a system call for each frame, so it is for the few replies whose
// departure is to be told. Any driver that stamps can be used; a veth stamps too.
//
// Software: the kernel reads CLOCK_REALTIME as the driver hands the frame to the device. Hardware:
// the device reads its own clock as the frame leaves. Many devices can do that for one frame or
// for a few at a time; the kernel stamps the others.
//
// One object for each queue. It is opened and closed by housekeeping's thread while no core runs;
// between, it belongs to the queue's core.
#pragma once

#include "dataplane/port/burst.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    EXACT_PENDING_MAX = 64, // frames whose stamp has not come yet
    EXACT_LOST_MS = 20,     // one that has not come by then is lost
};

struct exact;

enum exact_stamps {
    EXACT_SOFTWARE,
    EXACT_HARDWARE, // where that is switched on (supervisor/port_clocks.h). Somebody must read the
                    // device's clock (clock.h)
};

// Opens the way out of that interface; needs CAP_NET_RAW. 0 or -errno (-EOPNOTSUPP: its driver
// stamps no departures).
int exact_open(unsigned ifindex, enum exact_stamps stamps, struct exact **exact);

// Does the device stamp?
bool exact_is_hardware(const struct exact *exact);

// Takes NULL.
void exact_close(struct exact *exact);

// The number of frames that can be sent now.
unsigned exact_room(const struct exact *exact);

// Sends a frame, which stays the caller's; there is room for it. False when the kernel does not
// take it: then there is no room for a second, and the departures that are still outstanding are
// lost.
bool exact_send(struct exact *exact, const uint8_t *frame, uint32_t len, uint64_t ticket);

// As port_departures.
unsigned exact_departures(struct exact *exact, struct port_departure *out, unsigned most);
