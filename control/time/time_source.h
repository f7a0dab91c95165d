// The time source: watches CLOCK_REALTIME against the TSC and keeps the NTP state on the board
// true. RFC 5905, section 7.3; promises of faults F6, F28 and F29.
//
// `system` passes on what the kernel says of its clock (kernel_clock.h): leap seconds and how wrong
// it may be; when that reaches time.max_error, the server says LI 3.
// `fixed` serves the same clock as synchronised whatever the kernel says.
//
// All calls belong to control's main loop. While they do not come, the readers age the state.
#pragma once

#include "board/snapshot.h"
#include "config/config.h"

#include <stdint.h>

struct time_source;

// state is where the NTP state is published. A line that a predecessor left there stays until there
// is one of our own, unless the clock was stepped meanwhile: then it is marked. 0 or -errno.
int time_source_open(const struct config *config, struct snapshot *state,
                     struct time_source **source);

// Takes a sample, publishes what follows from it, and returns when to call again: 10 ms later until
// there is a line (it takes a dozen samples), then 50 ms. now_ns is CLOCK_MONOTONIC.
uint64_t time_source_turn(struct time_source *source, uint64_t now_ns);

// source may be NULL. What is on the board stays there.
void time_source_close(struct time_source *source);
