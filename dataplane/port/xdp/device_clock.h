// The clock of an interface's device (/dev/ptpN), which stamps its frames, as clock.h wants it. The
// tests link another one in place of device_clock.c.
#pragma once

#include "dataplane/port/clock.h"
#include "dataplane/port/xdp/attached.h"

#include <stdbool.h>
#include <stdint.h>

enum { DEVICE_CLOCK_NAME_LEN = 32 };

struct device_clock {
    struct port_clock clock;
    char name[DEVICE_CLOCK_NAME_LEN];
    int fd;                   // not owned
    int map;                  // of the tests
    bool by_realtime;         // the kernel cannot read it beside CLOCK_MONOTONIC_RAW
    struct time_sample first; // of CLOCK_MONOTONIC_RAW: the TSC's rate since then is known
};

// Makes *device ready for its first reading. fd is an open PTP clock and outlives it; -1: the
// device has none, and false. The program is the one that stamps the frames.
bool device_clock_open(struct device_clock *device, int fd, const struct attached *attached);

// A reading of the device's clock beside one of the system's, as a sample over the TSC. The
// system's clock was read before and after it, at the ends of `before` and `after`: from `before`
// on its rate is ns_per_tick, but for `slew`, a share. 0, or -EAGAIN: it was set meanwhile. Pure.
struct phc_reading;
int device_clock_sample(const struct phc_reading *reading, const struct time_sample *before,
                        const struct time_sample *after, double ns_per_tick, double slew,
                        struct time_sample *sample);
