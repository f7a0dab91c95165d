// The time source: samples CLOCK_REALTIME and the TSC, and keeps the NTP state on the board right.
// RFC 5905, section 7.3; promises of faults F6, F28 and F29.
//
// `system` passes on what the kernel says of its clock (kernel_clock.h): leap seconds and how wrong
// it may be; when that reaches time.max_error, the server says LI 3.
// `fixed` serves the same clock as synchronised whatever the kernel says.
//
// All calls belong to control's main loop. Without calls, the readers age the state.
#pragma once

#include "board/snapshot.h"
#include "config/config.h"

#include <stdint.h>

struct time_source;

// state is where the NTP state is published. A predecessor's line stays there until there is a new
// one, unless the clock was stepped meanwhile: then the state is marked as unsynchronised. 0 or
// -errno.
int time_source_open(const struct config *config, struct snapshot *state,
                     struct time_source **source);

// Takes a sample, publishes the result, and returns when to call it again: after 10 ms until there
// is a line (about a dozen samples), then after 50 ms. now_ns is CLOCK_MONOTONIC.
uint64_t time_source_turn(struct time_source *source, uint64_t now_ns);

// source may be NULL. The state on the board stays.
void time_source_close(struct time_source *source);
