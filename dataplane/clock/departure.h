// When a reply will leave. The transmit timestamp is sealed with the rest of the reply, so that it
// must be written before the cryptography and the send call: it is foretold from what the same work
// has cost before (RSP-10). Arithmetic only. A struct departure belongs to one thread.
#pragma once

#include <stdint.h>

enum {
    DEPARTURE_SIZES = 7, // of bursts: 1, 2 to 3, 4 to 7, .. 32 to 63, 64
    DEPARTURE_CLASSES = 2 * DEPARTURE_SIZES,
    DEPARTURE_TRIALS = 8, // the least of the first ones is believed
};

// All zero at the start: then a reply is foretold to leave at once.
struct departure {
    uint64_t ticks[DEPARTURE_CLASSES];
    uint32_t n[DEPARTURE_CLASSES]; // measurements, up to DEPARTURE_TRIALS
};

// The class of a burst with n_plain replies without cryptography and n_nts with it.
unsigned departure_class(unsigned n_plain, unsigned n_nts);

// Ticks from composing to departure. A class that has not been measured borrows from the nearest
// smaller one, else from any.
uint64_t departure_expect(const struct departure *departure, unsigned class);

// Takes in what it was. A core that was taken off its CPU in between says nothing about the next
// time: what is far above the expected moves it only a little.
void departure_learn(struct departure *departure, unsigned class, uint64_t ticks);
