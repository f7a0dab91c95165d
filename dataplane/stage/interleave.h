// Interleaved mode (RFC 9769, section 2): the reply to a client that names the receive timestamp of
// an earlier reply says when that earlier reply truly left. That is known only after it has left,
// so it can be told one exchange later.
//
//   find      between able and respond: takes the departures that requests ask for
//   write     after respond: turns the replies of these lanes into interleaved ones
//   choose    before sending: which replies are to be sent in the way that tells their departure
//   remember  later: what the port has learned of departures goes into the table
//
// A client without interleaved mode sends an origin timestamp that is 0 or one of our transmit
// timestamps, both even: classify sees that in one bit, and nothing is looked up or saved for it.
//
// find runs before a request with NTS is verified, because the reply's seal covers the departure.
// So a forged request can take the entry of another client, if it names the receive timestamp of
// that client's last reply: 64 bits that only the client and who is on the path have seen. The
// client then gets one reply in basic mode. Who is on the path can do worse.
//
// A struct interleave belongs to one core; the tables of other cores are only taken from.
#pragma once

#include "board/counters.h"
#include "crypto/rng.h"
#include "dataplane/port/burst.h"
#include "dataplane/stage/batch.h"
#include "dataplane/stage/classify.h"
#include "dataplane/stage/respond.h"
#include "dataplane/table/tables.h"

enum {
    // At most so many replies are sent in the way that tells their departure, because it costs a
    // system call for each:
    INTERLEAVE_PART_MAX = 16,    // of a part of a burst
    INTERLEAVE_RATE_MAX = 10000, // a second: of those with NTS, and of those without, each
    INTERLEAVE_BURST_MAX = 128,  // at once, after a pause
};

// How many may be sent: a bucket that fills with time, kept as the time at which it was empty.
struct interleave_budget {
    uint64_t empty; // TSC
};

struct interleave {
    const struct tables *tables; // NULL: interleaved mode is off
    struct table_pair *own;
    uint32_t generation; // of the clock
    uint64_t since;      // TSC: since when
    struct interleave_budget plain;
    struct interleave_budget nts;
};

// number: of the core's queue. tables may be NULL; otherwise all queues share them. Sets what the
// queue's receive timestamps look like.
void interleave_open(struct interleave *interleave, const struct tables *tables, uint32_t number,
                     struct receive_stamps *stamps);

// The clock is of that generation now, at that reading of the TSC.
void interleave_follow(struct interleave *interleave, uint32_t generation, uint64_t tsc);

// Takes the departures for those lanes of batch->interleaved that ask for one; IL-1. Keeps in
// batch->interleaved the lanes that have asked, and returns the lanes whose departure is in
// batch->earlier.
lane_set interleave_find(const struct interleave *interleave, struct batch *batch,
                         struct kinds requested);

// Turns the composed replies of those lanes into interleaved ones.
void interleave_write(struct batch *batch, lane_set found);

// Turns them back, when they are to become NAKs.
void interleave_undo(struct batch *batch, lane_set doubted);

// Of the complete replies in `answer`, without NAKs: sets burst.exact and their tickets.
void interleave_choose(struct interleave *interleave, struct batch *batch, lane_set answer,
                       lane_set plain, uint64_t tsc, uint64_t tsc_hz);

// The reply with that ticket left at `departure`; 0: nobody knows when. `left` is the same as TSC.
// rng gives the table its secret. True when it is remembered.
bool interleave_remember(struct interleave *interleave, uint64_t ticket, ntp_time departure,
                         uint64_t left, struct rng *rng);
