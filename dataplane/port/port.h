// Where packets move: one queue of one DPDK port, as one core sees it. The loop knows only these
// calls; the tests link another implementation of them (tests/dataplane/memory_port.c) in place of
// ethdev.c. No DPDK type appears in this header.
//
// A struct port belongs to one core. Frames that port_rx lends go back by port_tx or port_drop in
// the same turn, every lane exactly once.
#pragma once

#include "dataplane/port/burst.h"
#include "dataplane/wire/address_set.h"

struct port;
struct snapshot;

// Receives up to LANES frames: sets frame, len and reply of lanes 0 .. n-1 and returns that set.
// Frames in several segments or longer than FRAME_MAX are lent with len as received; parse drops
// them. Sets drained: whether the burst has all frames that had arrived; with BURST_DRAINED frames
// or more it is false. Sets stamped and hardware, and the stamps of those lanes.
lane_set port_rx(struct port *port, struct burst *burst);

// Sends the replies of the lanes of answer (reply, reply_len), in the order of the lanes, in calls
// of `together` frames, and waits before each call until not_before and pace allow it; then takes
// back their requests' frames. Lanes of `exact` are sent after the others and one by one, if the
// port has a way that tells when they left. Returns the lanes that the queue took; the frames and
// replies of the others are still lent. At most one retry. Sets the burst's tx_ words, and `exact`.
lane_set port_tx(struct port *port, struct burst *burst, lane_set answer);

// Reports what is known by now of the departures that port_tx promised, up to `most` of them, in
// any order, each once. One load while none is outstanding.
unsigned port_departures(struct port *port, struct port_departure *out, unsigned most);

// Of n departures of replies, so many were believed, while the line of the device's clock held. A
// port whose device's own stamps are never believed tells departures in another way, if it has one.
enum { PORT_DOUBTED_MAX = 256 }; // in a row
void port_departed(struct port *port, unsigned n, unsigned believed);

// When the frame left that the last burst with `sampled` tells of. 1, and *own is the reading of
// the device's clock (clock.h); 0: not known yet; -1: it will not be known. To be called until it
// is not 0; at most one frame is on its way.
int port_sampled(struct port *port, uint64_t *own);

// Takes back the frames of those lanes; they get no reply.
void port_drop(struct port *port, struct burst *burst, lane_set drop);

// A descriptor that is readable while frames wait, so that a core can sleep until one comes; -1:
// the port must be polled. It is the port's.
int port_descriptor(const struct port *port);

// Of the burst's lanes with a stamp of the device's own, n were believed: for status.
void port_believed(struct port *port, unsigned n);

// Where housekeeping publishes the line of the device's own clock (struct stamp_line): of the clock
// that burst->own is read from. Never published when the device has none. NULL: likewise.
const struct snapshot *port_line(const struct port *port);

// Can the device let frames go at a time of its own clock (burst->launch)?
bool port_launches(const struct port *port);

// Does it smear leap seconds (dataplane.ports[].leap)?
bool port_smears(const struct port *port);

// Is that to be tried first (burst->launch_trial), because nobody but the driver says so?
bool port_launch_is_tried(const struct port *port);

// What the core has found out of it, for status.
enum port_launch {
    PORT_LAUNCH_NONE,    // it cannot, or is not to
    PORT_LAUNCH_TRIED,   // it is being tried
    PORT_LAUNCH_USED,    // it does
    PORT_LAUNCH_REFUSED, // it does not: the port waits
};
void port_launch_note(struct port *port, enum port_launch launch);

// The addresses that the parse stage must accept; NULL when the XDP program has already checked
// them.
const struct address_set *port_addresses(const struct port *port);
