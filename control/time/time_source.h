// The time source: samples CLOCK_REALTIME and the TSC, and keeps the NTP state on the board right.
// RFC 5905, section 7.3; promises of faults F6, F28 and F29.
//
// The configured source (truth.h) tells how wrong CLOCK_REALTIME may be. While the clock is
// unhealthy (health.h), which includes an error of time.max_error or more, the server says LI 3.
//
// All calls belong to control's main loop. Without calls, the readers age the state.
#pragma once

#include "board/snapshot.h"
#include "config/config.h"
#include "control/time/health.h"
#include "control/time/truth.h"

#include <stdbool.h>
#include <stdint.h>

struct time_source;

// state is where the NTP state is published. A predecessor's line stays there until there is a new
// one, unless the clock was stepped meanwhile: then the state is marked as unsynchronised. fd: the
// source's descriptor, not used where it has none; not owned. config outlives the source. 0 or
// -errno.
int time_source_open(const struct config *config, int fd, struct snapshot *state,
                     struct time_source **source);

// Takes a sample, publishes the result, and returns when to call it again: after 10 ms until there
// is a line (about a dozen samples), then after 50 ms. now_ns is CLOCK_MONOTONIC.
uint64_t time_source_turn(struct time_source *source, uint64_t now_ns);

enum { TIME_SOURCE_NEWS_MAX = 64 };

// Is there a change of health that the hook has not been told? Then text is what to tell:
// "healthy", or "unhealthy REASON".
bool time_source_has_news(const struct time_source *source, uint64_t now_ns,
                          char text[TIME_SOURCE_NEWS_MAX]);

// It has been told.
void time_source_told(struct time_source *source);

// Is control to be started again, to get the source's descriptor anew?
bool time_source_is_lost(struct time_source *source, uint64_t now_ns);

// For status. The source's own word is in view.
struct time_report {
    struct health health;
    bool trusted; // may what follows the calendar follow the clock?
    struct truth_view view;
    double line_error_ns; // of the line, against CLOCK_REALTIME
    double ns_per_tick;   // of the line; 0: there is none
    bool smears;          // a port does
    double smear_s;       // what it adds to CLOCK_REALTIME
    bool smear_lost;      // SMEAR_LOST
    bool leap_list_bad;
};
void time_source_report(const struct time_source *source, struct time_report *report);

// source may be NULL. The state on the board stays.
void time_source_close(struct time_source *source);
