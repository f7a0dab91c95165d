// The earliest time at which the frames of this poll may have arrived. After a poll that drained
// the port, this is the time of that poll. For a port that always has more frames, the number of
// frames that it holds has an upper limit. Pure; one object for each port.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// No port holds more than this number of bursts.
enum { BACKLOG_BURSTS = 512 };

struct backlog {
    uint64_t since;                 // the waiting frames arrived later than this
    uint64_t polls[BACKLOG_BURSTS]; // times of the last polls that did not drain the port
    uint32_t n;                     // number of polls since the port was drained
};

static inline void backlog_start(struct backlog *backlog, uint64_t tsc)
{
    backlog->since = tsc;
    backlog->n = 0;
}

// The burst of the poll at that time has been received.
static inline void backlog_note(struct backlog *backlog, uint64_t polled, bool drained)
{
    if (drained) {
        backlog_start(backlog, polled);
        return;
    }
    // A new frame enters a full port only when the oldest one has been taken out.
    backlog->polls[backlog->n++ % BACKLOG_BURSTS] = polled;
    if (backlog->n >= BACKLOG_BURSTS)
        backlog->since = backlog->polls[backlog->n % BACKLOG_BURSTS];
}
