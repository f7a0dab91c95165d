// A thread that reads the clock of a port's device, because a driver may take long or hang: it
// leaves what it has read in a snapshot. Made and ended by housekeeping's thread.
#pragma once

#include "board/snapshot.h"
#include "board/time_fit.h"
#include "dataplane/port/clock.h"

#include <assert.h>

enum { CLOCK_READER_MS = 50 }; // between two readings

// Its last word.
struct clock_word {
    struct time_sample sample; // the last one
    uint64_t n;                // samples until now
    int64_t fault;             // of the last attempt: 0 or -errno
};
static_assert(sizeof(struct clock_word) % 8 == 0, "is made of whole words");

struct clock_reader;

// The clock must outlive the reader. 0 or -errno.
int clock_reader_open(const struct port_clock *clock, struct clock_reader **reader);

// True when there is a word since the last call, which goes to *word.
bool clock_reader_take(struct clock_reader *reader, struct clock_word *word);

// Ends the thread. One that hangs in a driver is left alone after half a second, and ends with the
// process. Accepts NULL.
void clock_reader_close(struct clock_reader *reader);
