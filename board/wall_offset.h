// The difference between CLOCK_REALTIME and CLOCK_MONOTONIC, for stamps that the kernel takes of
// the first and this server needs of the second. Both clocks are slewed as one, so the difference
// changes only when CLOCK_REALTIME steps. Readings bound it from both sides, the bounds only come
// closer, and a reading that they exclude is a step.
//
// Arithmetic only. One thread writes it and reads it. It is on the board so that a dataplane that
// is started again still knows since when there was no step.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct wall_offset {
    int64_t least_ns; // CLOCK_REALTIME minus CLOCK_MONOTONIC is at least that
    int64_t most_ns;
    uint64_t since_ns; // CLOCK_MONOTONIC: since then there was no step; 0: nothing is known
};

// Notes a reading of CLOCK_REALTIME that was taken between two of CLOCK_MONOTONIC.
void wall_offset_note(struct wall_offset *offset, uint64_t before_ns, int64_t wall_ns,
                      uint64_t after_ns);

// Converts a stamp of CLOCK_REALTIME to CLOCK_MONOTONIC: never too early, if the last note is later
// than the stamp. False when there may have been a step since the stamp; *monotonic_ns may then be
// wrong by that step.
bool wall_offset_convert(const struct wall_offset *offset, int64_t wall_ns, uint64_t *monotonic_ns);
