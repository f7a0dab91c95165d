// Since when may the frames at hand have waited? A port that was drained tells; of one that always
// has more it is known how many frames it holds at the most. Pure; one object a port.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// No port holds more than so many bursts that did not drain it.
enum { BACKLOG_BURSTS = 512 };

struct backlog {
    uint64_t since; // what waits came later
    uint64_t
        asked[BACKLOG_BURSTS]; // when the last bursts were asked for that did not drain the port
    uint32_t n;                // how many there were since it was drained
};

static inline void backlog_start(struct backlog *backlog, uint64_t tsc)
{
    backlog->since = tsc;
    backlog->n = 0;
}

// A burst that was asked for at that time has been received.
static inline void backlog_note(struct backlog *backlog, uint64_t asked, bool drained)
{
    if (drained) {
        backlog_start(backlog, asked);
        return;
    }
    // A frame comes in when the one that a whole port's frames stand behind has been taken out.
    backlog->asked[backlog->n++ % BACKLOG_BURSTS] = asked;
    if (backlog->n >= BACKLOG_BURSTS)
        backlog->since = backlog->asked[backlog->n % BACKLOG_BURSTS];
}
