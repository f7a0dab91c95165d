// A hardware clock of the kernel (/dev/ptpN: a NIC's clock, a GPS card, a hypervisor's), held
// against CLOCK_REALTIME. The kernel reads the hardware clock between two readings of the system's
// clock; so each reading bounds their difference from both sides, and one alone can prove that they
// disagree.
//
// A driver may take long or hang. So a thread of its own reads, fifty times a second, and leaves
// what it read in a snapshot.
#pragma once

#include "base/phc_read.h"
#include "board/snapshot.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum { PHC_READ_MS = 20 }; // between two readings PHI adds 0.3 us to the error

// The thread's last word.
struct phc_word {
    struct phc_reading reading; // the narrowest one
    uint64_t read_ns;           // CLOCK_MONOTONIC before it; 0: none has succeeded yet
    int64_t fault;              // of the last attempt: 0 or -errno
};

static_assert(sizeof(struct phc_word) % 8 == 0, "is made of whole words");

// How clocks are read: n readings, or fewer. Returns their number, or -errno. Tests have others.
struct phc_reader {
    void *self;
    int (*read)(void *self, struct phc_reading *readings, int n);
    uint64_t (*now_ns)(void *self); // CLOCK_MONOTONIC
};

// One round of the thread's: reads, and publishes what it has read or why it has not.
void phc_read_once(const struct phc_reader *reader, struct phc_word *word,
                   struct snapshot *snapshot);

// The PHC's time minus the system's, in seconds, and the most that this may be wrong.
// ahead_s: TAI - UTC, when the PHC keeps TAI; else 0.
double phc_offset_s(const struct phc_reading *reading, int ahead_s, double *unsure_s);

struct phc; // the thread

// Starts it for an open device, which stays the caller's. 0 or -errno.
int phc_open(int fd, struct phc **phc);

// Gives the last reading. False, with nothing written, before the first one.
bool phc_last(struct phc *phc, struct phc_word *word);

// Does not wait for the thread, which may hang in a driver: it ends with the process.
void phc_close(struct phc *phc);
