// Reading a hardware clock of the kernel (/dev/ptpN) beside one of the system's clocks. The kernel
// reads the hardware clock between two readings of the system's, so each reading bounds their
// difference from both sides. Any thread; a driver may take long.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

// The hardware clock's time, and the system's around it, in ns since each one's epoch.
struct phc_reading {
    int64_t before_ns; // the system's clock
    int64_t phc_ns;
    int64_t after_ns; // the system's clock
};

enum { PHC_READINGS = 10 }; // enough that one of them is narrow

// Is the descriptor open, and a hardware clock?
bool phc_is(int fd);

// Up to n readings beside that clock of the system: CLOCK_REALTIME, or CLOCK_MONOTONIC_RAW, beside
// which Linux 6.12 can read, and older kernels where the device takes both times at once. Returns
// the number of readings, or -errno (phc_is_not_known: not beside that clock).
int phc_read(int fd, clockid_t beside, struct phc_reading *readings, int n);

// Does a result of phc_read say that kernel or driver does not know this way?
bool phc_is_not_known(int result);

// The narrowest of n readings in which the system's clock was not put back; NULL: none.
const struct phc_reading *phc_narrowest(const struct phc_reading *readings, int n);
