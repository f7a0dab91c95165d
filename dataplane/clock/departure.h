// When replies will leave. The transmit timestamp is sealed with the rest of the reply. So it must
// be written before the cryptography and the send call (RSP-10), and it must not be later than the
// true departure (RSP-12). So a time is chosen at which the replies are nearly always ready, and
// the port waits for it. A core that is busy chooses an early time instead, for which the port
// hardly ever has to wait. The frames of a burst leave one after another (RSP-14), and not faster
// than their timestamps say, because the port keeps them back:
//
//   in one call: all timestamps say when the first frame leaves;
//   or, on a port that sends slowly and while there is time for it, in one call for each frame:
//   a time is chosen and waited for in the same way.
//
// A device that can send at a time of its own clock waits in the port's place. Then the core never
// does, so the time is one at which the replies are nearly always given to the device, also while
// the core is busy, and all of them go in one call.
//
// A reply that leaves later than it says makes the client's delay longer by as much; the client's
// error bound still holds.
//
// Arithmetic only, in ticks of the TSC. A struct departure belongs to one thread and one port.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    DEPARTURE_SIZES = 7,  // sizes of burst that are learned: 1, 2, 4, .. 64; a line between them
    DEPARTURE_TRIALS = 8, // the least of so many first measurements is used; before that, none
    // A port sends slowly when one frame takes longer than this. Its frames are then composed and
    // sent in parts: otherwise the last frames would leave long after their timestamps. A part is
    // not smaller than DEPARTURE_PART, so that the cryptography can work on enough lanes side by
    // side.
    DEPARTURE_SLOW_NS = 500,
    DEPARTURE_PART = 16,
    DEPARTURE_PART_PRESSED = 32,
    // A busy core sends at most this number of frames with one call each, because calls take time.
    DEPARTURE_APART = 4,
    // A device that sends at a time must have the frames before it. They leave this long after they
    // are expected to be ready;
    DEPARTURE_LAUNCH_NS = 6000,
    // and giving them to the device takes at most this long, in nearly all cases.
    DEPARTURE_POST_NS = 2500,
    DEPARTURE_SAMPLES = 64,
};

// How much work there is.
enum departure_haste {
    DEPARTURE_CALM,    // the poll before this one found nothing
    DEPARTURE_BUSY,    // it found frames, too
    DEPARTURE_PRESSED, // both found frames, and neither drained the port
};

// The estimate of one cost: a certain share of the measurements is lower.
struct departure_cost {
    double ticks;
    uint32_t n; // measurements, up to a limit
};

// The least of the last DEPARTURE_SAMPLES measurements or some more.
struct departure_floor {
    double ticks; // valid once a window is full
    double next;  // of the window that is being filled
    uint32_t n;   // measurements in it
    bool full;
};

// The cost of composing a part.
struct departure_composing {
    struct departure_cost plain[DEPARTURE_SIZES]; // replies without NTS
    struct departure_cost nts[DEPARTURE_SIZES];   // the extra cost of replies with NTS
};

// All zero at the start: replies are then said to leave at once.
struct departure {
    struct departure_composing calm; // nearly always lower than the estimate
    struct departure_composing busy; // hardly ever lower
    struct departure_cost pace;      // sending one frame in a call of its own: mostly lower
    struct departure_cost least;     // the same: no recent measurement was lower
    struct departure_floor left;     // from a call's begin until a frame really left
    struct departure_cost together;  // one frame in a call of many: the median
};

// How a part of a burst leaves, in ticks since composing began.
struct departure_plan {
    unsigned n_plain, n_nts; // number of replies in the part
    enum departure_haste haste;
    double plain, nts; // the expected cost of composing them
    uint64_t ready;    // the first send call begins no earlier
    uint64_t pace;     // the call with frame k begins no earlier than ready + k * pace
    uint64_t lead;     // a frame leaves at least this long after its call began
    unsigned together; // frames in one call
};

// How many frames make one part.
unsigned departure_part(const struct departure *departure, uint64_t tsc_hz,
                        enum departure_haste haste);

// The plan for a part of n_plain replies without cryptography and n_nts with it, not both 0.
struct departure_plan departure_plan(const struct departure *departure, uint64_t tsc_hz,
                                     unsigned n_plain, unsigned n_nts, enum departure_haste haste);

// The same for a device that sends at a time: the replies leave at `ready`.
struct departure_plan departure_plan_launch(const struct departure *departure, uint64_t tsc_hz,
                                            unsigned n_plain, unsigned n_nts);

// Learns from the time that composing a part took under that plan. A time far above the expected
// one changes the estimate only a little: it says that the core was taken off its CPU.
void departure_learn_composing(struct departure *departure, const struct departure_plan *plan,
                               uint64_t ticks);

// Learns from the time that sending one frame took, in a call of n.
void departure_learn_sending(struct departure *departure, unsigned n, double ticks);

// Learns from a device that told when the first frame of a call left: at least that long after the
// call's begin. The least of these is what all frames are said to need: a mean would say of half of
// them that they leave after they have left (RSP-12).
void departure_learn_left(struct departure *departure, double ticks);
