// When changed files of certificates are looked at: once they have rested, since chain and key are
// replaced one after the other; and again after a refusal, because the second file may have been
// late, the clock wrong, or a process not ready. Pure, but for the log. The supervisor's thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    RENEWAL_REST_MS = 2500,  // without a change; longer than two looks
    RENEWAL_AGAIN_MS = 10000 // after the first refusal, which is no alarm yet
};

enum renewal_result {
    RENEWAL_DONE,    // the files are served
    RENEWAL_REFUSED, // the old ones are
    RENEWAL_BUSY,    // they could not be looked at now
};

// All zero at the start.
struct renewal {
    uint64_t seen; // changes
    enum renewal_state {
        RENEWAL_NONE,
        RENEWAL_WAITS, // until due_ms
        RENEWAL_ASKED, // until renewal_end
    } state;
    uint64_t due_ms;
    uint32_t pause_ms; // after an end; 0: none is to come
    uint32_t refusals; // of the present files
};

// changes: how many there have been (file_watch.h). True: look at the files now, and then tell
// renewal_end.
bool renewal_due(struct renewal *renewal, uint64_t changes, uint64_t now_ms);

// What came of it; why: of a refusal.
void renewal_end(struct renewal *renewal, enum renewal_result result, const char *why);
