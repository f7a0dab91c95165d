// The times of a core's turn: when its frames arrived, how old the clock's state is, when its
// replies leave, and whether the core was held up in between. RFC 5905, section 7.3; RSP-10,
// RSP-12 to RSP-14. Arithmetic only: the caller reads the TSC and talks to the port.
//
// A struct turn_time belongs to one core and one port. In a turn: ask, arrive, moments, and then
// for each part of the burst: compose, perhaps once more when it is late, and sent.
#pragma once

#include "board/ntp_state.h"
#include "board/stamp_line.h"
#include "dataplane/clock/backlog.h"
#include "dataplane/clock/departure.h"
#include "dataplane/clock/moment.h"
#include "dataplane/port/burst.h"

#include <stdbool.h>
#include <stdint.h>

// Replies that stand ready so much later than they say they leave are composed once more. A core is
// late for this reason when it was taken off its CPU.
enum { TURN_LATE_US = 50 };

struct turn_time {
    uint64_t tsc_hz;            // for which the next is right
    double ns_per_tick;         // 0 as long as it is not known
    struct backlog backlog;     // since when frames may have waited
    struct departure departure; // what composing and sending have cost
    uint64_t asked;             // TSC: the port was asked for a burst
    uint64_t arrived;           // TSC: and was seen to hold it
    uint64_t unsure;            // ticks: by so much an arrival of this turn may be wrong
    enum departure_haste haste;
    bool found;                 // the look before found frames
    uint64_t composed;          // TSC: composing of the part at hand began
    struct departure_plan plan; // for it, from then on
};

void turn_time_start(struct turn_time *turn, uint64_t tsc);

// The port is about to be asked.
static inline void turn_time_ask(struct turn_time *turn, uint64_t tsc)
{
    turn->asked = tsc;
}

// It has answered: with frames, or found is false.
static inline void turn_time_arrive(struct turn_time *turn, uint64_t tsc, bool found, bool drained)
{
    turn->arrived = tsc;
    turn->unsure = tsc - turn->backlog.since; // frames came at some time in between
    bool pressed = !drained && turn->backlog.n > 0;
    turn->haste = pressed ? DEPARTURE_PRESSED : turn->found ? DEPARTURE_BUSY : DEPARTURE_CALM;
    turn->found = found;
    backlog_note(&turn->backlog, turn->asked, drained);
}

// When each lane of `all` arrived: by its stamp, and where it has none when the core looked.
// Returns the lanes whose stamps were refused.
lane_set turn_time_moments(struct turn_time *turn, const struct ntp_state *state,
                           const struct stamp_line *line, const struct burst *burst, lane_set all,
                           struct moment moment[LANES]);

// Composing of a part begins. *aged is what the server says of its clock now.
struct departures turn_time_compose(struct turn_time *turn, const struct ntp_state *state,
                                    uint64_t tsc, unsigned n_plain, unsigned n_nts,
                                    struct ntp_state *aged);

// Was the core taken off its CPU since it composed?
bool turn_time_is_late(const struct turn_time *turn, const struct ntp_state *state, uint64_t tsc);

// For so long that the replies must not leave any more (F30)?
bool turn_time_is_stale(const struct turn_time *turn, const struct ntp_state *state, uint64_t tsc);

// Tells the port when to send which of the n_answers replies. Those that were composed and are not
// sent leave no gap: the others would leave earlier than they say.
void turn_time_schedule(const struct turn_time *turn, unsigned n_answers, struct burst *burst);

// From composing to the first reply's departure, as it was told, in ns.
uint64_t turn_time_departure_ns(const struct turn_time *turn);

// Learns from the part, of which n_answers were given to the port and n_sent left. False when it
// says nothing about departures; else *error_ns is how much later than it really left the last
// reply said that it would, as near as the port can tell: mostly negative.
bool turn_time_sent(struct turn_time *turn, const struct burst *burst, unsigned n_answers,
                    unsigned n_sent, int64_t *error_ns);
