// When replies will leave. The transmit timestamp is sealed with the rest of the reply, so that it
// must be written before the cryptography and the send call (RSP-10), and it must not be later than
// the true departure (RSP-12). So a moment is chosen at which the replies will nearly always stand
// ready, and the port waits for it. A core that has no time to lose chooses an early one instead,
// for which the port hardly ever has to wait. The frames of a burst then leave one after another
// (RSP-14), and no faster than they say, because the port sees to it:
//
//   in one call, and all say when the first one leaves;
//   or, on a port that sends slowly and while there is time for it, in a call for each, for which a
//   moment is chosen and waited for in the same way.
//
// What leaves later than it says makes the client's delay longer by as much, and its bound holds.
//
// Arithmetic only, in ticks of the TSC. A struct departure belongs to one thread and one port.
#pragma once

#include <stdint.h>

enum {
    DEPARTURE_SIZES = 7,  // of bursts that are learned: 1, 2, 4, .. 64; between them, a line
    DEPARTURE_TRIALS = 8, // of so many first measurements the least is believed; before, none
    // A port sends slowly when one frame takes longer than this. It is given its frames in parts
    // that are composed one after another, or the last ones would leave long after they say; but in
    // no smaller ones than the cryptography likes to do side by side.
    DEPARTURE_SLOW_NS = 500,
    DEPARTURE_PART = 16,
    DEPARTURE_PART_PRESSED = 32,
    // A core that is busy sends no more frames than this in a call for each: the calls take time.
    DEPARTURE_APART = 4,
};

// How much there is to do.
enum departure_haste {
    DEPARTURE_CALM,    // the look at the port before this one found nothing
    DEPARTURE_BUSY,    // it found frames, too
    DEPARTURE_PRESSED, // and neither of both drained the port
};

// What is known of one cost: some share of what is measured is less.
struct departure_cost {
    double ticks;
    uint32_t n; // measurements, up to DEPARTURE_TRIALS
};

// Composing a part.
struct departure_composing {
    struct departure_cost plain[DEPARTURE_SIZES]; // replies without cryptography
    struct departure_cost nts[DEPARTURE_SIZES];   // what those with it cost besides
};

// All zero at the start: then replies are said to leave at once.
struct departure {
    struct departure_composing calm; // nearly always less
    struct departure_composing busy; // hardly ever less
    struct departure_cost pace;      // sending a frame in a call of its own: mostly less
    struct departure_cost least;     // never less of late
    struct departure_cost together;  // and in a call of many: as often less as more
};

// How a part of a burst leaves, in ticks from composing on.
struct departure_plan {
    unsigned n_plain, n_nts; // its replies
    enum departure_haste haste;
    double plain, nts; // what composing them is taken to cost
    uint64_t ready;    // the first send call begins no earlier
    uint64_t pace;     // and the one of frame k by k times this later
    uint64_t lead;     // by so much at least a frame leaves after its call began
    unsigned together; // frames in a call
};

// How many frames make one part.
unsigned departure_part(const struct departure *departure, uint64_t tsc_hz,
                        enum departure_haste haste);

// How a part leaves of n_plain replies without cryptography and n_nts with it, not both 0.
struct departure_plan departure_plan(const struct departure *departure, uint64_t tsc_hz,
                                     unsigned n_plain, unsigned n_nts, enum departure_haste haste);

// Takes in how long composing a part took for which there was that plan. A core that was taken off
// its CPU says nothing about the next time: what is far above the expected moves it only a little.
void departure_learn_composing(struct departure *departure, const struct departure_plan *plan,
                               uint64_t ticks);

// Takes in how long a frame took to send, in a call of n.
void departure_learn_sending(struct departure *departure, unsigned n, double ticks);
