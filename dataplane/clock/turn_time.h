// The times of a core's turn: when its frames arrived, how old the clock's state is, when its
// replies leave, and whether the core was held up in between. RFC 5905, section 7.3; RSP-10, RSP-12
// to RSP-14. Arithmetic only: the caller reads the TSC and calls the port.
//
// A struct turn_time belongs to one core and one port. The calls of a turn: poll, arrive, moments;
// then for each part of the burst: compose, which is repeated when the core was late, and sent.
#pragma once

#include "board/ntp_state.h"
#include "board/stamp_line.h"
#include "dataplane/clock/backlog.h"
#include "dataplane/clock/departure.h"
#include "dataplane/clock/moment.h"
#include "dataplane/port/burst.h"

#include <stdbool.h>
#include <stdint.h>

// Replies that are ready so much later than their timestamps say are composed once more. The reason
// is that the core was taken off its CPU.
enum { TURN_LATE_US = 50 };

// A device's stamp that is older than its witness by more is refused: no interrupt takes as long,
// and a larger root dispersion would be of no use to the client.
enum { TURN_GAP_MAX_MS = 10 };

// A device whose launch times are to be tried holds so many sampled frames until a time that is
// later than their timestamps, before a burst relies on it.
enum {
    TURN_TRIALS = 8,
    TURN_TRIALS_FAILED = 3,     // so many in a row whose stamp does not come or is late: not used
    TURN_TRIAL_NS = 20000,      // from the timestamp to the launch time
    TURN_TRIAL_POST_NS = 5000,  // the device has the frame that long before: it cannot leave just
                                // then by chance
    TURN_TRIAL_LATE_NS = 10000, // a device that keeps it that much longer does not hold the time
};

struct turn_sample {
    bool waiting;
    bool trial;     // of a launch time, which is `said`
    bool in_time;   // of a trial: the device had it early enough
    bool launched;  // the device was told when to let it go
    uint64_t began; // TSC: the call that sent it began
    uint64_t said;  // TSC: its timestamp
};

struct turn_time {
    uint64_t tsc_hz;            // the clock rate for which the next member is right
    double ns_per_tick;         // 0 until it is known
    struct backlog backlog;     // since when the frames may have waited
    struct departure departure; // the costs of composing and sending
    uint64_t poll_began;        // TSC: the poll began
    uint64_t arrived;           // TSC: the poll ended
    uint64_t unsure;            // ticks: an arrival time of this turn may be wrong by this much
    enum departure_haste haste;
    bool found;                 // the previous poll found frames
    uint64_t composed;          // TSC: composing of the current part began
    struct departure_plan plan; // the plan of that part
    uint64_t launch;            // when the device lets that part go, by its own clock; 0: it does
                                // not wait
    bool launches;              // the device can
    uint32_t trials; // of launch times that are still to succeed; until then `launch` is 0
    uint32_t trials_failed;
    uint64_t trial_tsc;        // the launch time that is tried with the current part
    uint64_t trial;            // the same by the device's own clock; 0: none
    struct turn_sample sample; // the frame whose departure the device will tell
    bool tells;                // it has told of one
};

void turn_time_start(struct turn_time *turn, uint64_t tsc);

// The port is about to be polled.
static inline void turn_time_poll(struct turn_time *turn, uint64_t tsc)
{
    turn->poll_began = tsc;
}

// The poll has ended: with frames, or found is false.
static inline void turn_time_arrive(struct turn_time *turn, uint64_t tsc, bool found, bool drained)
{
    turn->arrived = tsc;
    turn->unsure = tsc - turn->backlog.since; // the frames arrived at some time in between
    bool pressed = !drained && turn->backlog.n > 0;
    turn->haste = pressed ? DEPARTURE_PRESSED : turn->found ? DEPARTURE_BUSY : DEPARTURE_CALM;
    turn->found = found;
    backlog_note(&turn->backlog, turn->poll_began, drained);
}

// The lines of the clocks of a burst's stamps.
struct turn_lines {
    const struct stamp_line *kernel; // CLOCK_MONOTONIC
    const struct stamp_line *own;    // the device's clock
};

// What became of the stamps, by lane.
struct turn_stamps {
    lane_set refused; // a stamp could not be true
    lane_set own;     // the device's clock told the arrival
};

// When each lane of `all` arrived: the time of the device's stamp, without one that of the kernel's
// stamp, and without any the time of the poll.
//
// A device's clock may jump, and is found out only at its next reading. So its stamp has a witness:
// the kernel's stamp, or else the poll. A stamp that is later than its witness is refused, and one
// that is much earlier. The
// arrival is not later than the witness, so their distance counts as an error of the arrival:
// whatever the device's clock did, the reply's root dispersion covers it.
struct turn_stamps turn_time_moments(struct turn_time *turn, const struct ntp_state *state,
                                     const struct turn_lines *lines, const struct burst *burst,
                                     lane_set all, struct moment moment[LANES]);

// How many replies a part has at most.
unsigned turn_time_part(const struct turn_time *turn, const struct ntp_state *state);

// Composing of a part begins. *aged becomes the state of the clock as the replies tell it. `own` is
// the line of the device's clock.
struct departures turn_time_compose(struct turn_time *turn, const struct ntp_state *state,
                                    const struct stamp_line *own, uint64_t tsc, unsigned n_plain,
                                    unsigned n_nts, struct ntp_state *aged);

// Was the core taken off its CPU since it composed? Also, for a device that waits in its place:
// would the replies come to the device after the time at which they say that they leave?
bool turn_time_is_late(const struct turn_time *turn, const struct ntp_state *state, uint64_t tsc);

// Was it off its CPU for so long that the replies must not be sent any more?
bool turn_time_is_stale(const struct turn_time *turn, const struct ntp_state *state, uint64_t tsc);

// Tells the port when to send each of the n_answers replies. Replies that were composed and are not
// sent leave no gap: the others would leave earlier than their timestamps say.
void turn_time_schedule(const struct turn_time *turn, unsigned n_answers, struct burst *burst);

// From composing to the first reply's planned departure, in ns.
uint64_t turn_time_departure_ns(const struct turn_time *turn);

// The true departure of a frame, as UTC: never later. 0 when it is not known. *left becomes the
// same as a reading of the TSC. own is the line of the device's clock (departed.h).
ntp_time turn_time_departed(const struct turn_time *turn, const struct ntp_state *state,
                            const struct stamp_line *own, const struct port_departure *departure,
                            uint64_t *left);

// Learns from the part: n_answers replies were given to the port and n_sent left. False when it
// says nothing about departures. Otherwise *error_ns is the last reply's timestamp minus its true
// departure, as near as the port can tell: mostly negative.
bool turn_time_sent(struct turn_time *turn, const struct burst *burst, unsigned n_answers,
                    unsigned n_sent, int64_t *error_ns);

// What a port tells of the sample.
struct turn_told {
    bool known;
    uint64_t own; // the device's clock in ns as the frame left
    uint64_t tsc; // the port was asked: the frame has left before
};

// The port has told of the sample that is waited for. False when that says nothing: it is not
// known, or cannot be a reading of the device's clock. Otherwise *error_ns is
// the frame's timestamp minus its departure, which is wrong by the line's bound at most; *early:
// the frame has left before its timestamp, whatever the line's error is. A device that lets a frame
// go before its launch time is not trusted with launch times again. A trial's frame says no error.
bool turn_time_sampled(struct turn_time *turn, const struct stamp_line *own_line,
                       const struct turn_told *told, int64_t *error_ns, bool *early);
