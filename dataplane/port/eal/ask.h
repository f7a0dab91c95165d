// The asking side of a port: frames that no request came for, and what comes back. What port.h does
// for who serves, this does for the load tester; a port is used one way or the other. No DPDK type
// passes this header.
//
// A struct port belongs to one thread. Two bursts are lent at a time, independent of each other:
// one to be sent (ask_lend) and one that was received (ask_take).
#pragma once

#include "base/lane_set.h"
#include "dataplane/port/port.h"

#include <stdbool.h>
#include <stdint.h>

struct ask_burst {
    uint8_t *frame[LANES]; // from the destination MAC address on
    uint16_t len[LANES];   // octets, without FCS
};

// Lends n empty frames (up to LANES) with room for FRAME_MAX octets each and content undefined;
// returns for how many there were buffers. What of the last burst has not been sent is lent anew.
unsigned ask_lend(struct port *port, struct ask_burst *out, unsigned n);

// Sends those from `from` on, n of them, in order, with out's lengths. How many the queue took; the
// others are still lent.
unsigned ask_send(struct port *port, const struct ask_burst *out, unsigned from, unsigned n);

// Sends a copy of one frame of up to FRAME_MAX octets, beside what is lent. False when there is no
// buffer or no room in the queue.
bool ask_say(struct port *port, const uint8_t *frame, uint16_t len);

// Lends what has come, up to LANES frames; len is 0 where a frame is in several segments or
// longer than FRAME_MAX. 16 octets behind each may be read. How many; all go back by ask_return.
unsigned ask_take(struct port *port, struct ask_burst *in);

// Takes back all n that ask_take lent.
void ask_return(struct port *port, unsigned n);
