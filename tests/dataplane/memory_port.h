// A port in memory, linked instead of DPDK's. The test pushes frames in and takes replies out;
// core_turn() takes one burst at a time. Each frame and each reply has an allocation of exactly its
// length, so that a sanitizer reports every access beyond it.
#pragma once

#include "dataplane/port/port.h"

#include <stdbool.h>
#include <stdint.h>

// A port that answers for ours (NULL: for everything); the set stays the caller's.
struct port *memory_port_open(const struct address_set *ours);

// Also ends what is still lent or was not taken.
void memory_port_close(struct port *port);

// Sets what port_descriptor returns. Before the first call it returns -1.
void memory_port_descriptor(struct port *port, int descriptor);

// Queues a copy of a frame (len octets, 0 to 65535). False when 4096 are waiting.
bool memory_port_push(struct port *port, const uint8_t *frame, uint32_t len);

// Takes the oldest reply: its octets go to out (room for 65535), which request it answers (the
// number of its push, from 0) to *request, when that is not NULL. Its length, or 0 when none waits.
uint32_t memory_port_take(struct port *port, uint8_t *out, uint64_t *request);

// What reply buffers hold before they are written: 0xa5 unless said otherwise.
void memory_port_poison(struct port *port, uint8_t octet);

// How many replies a burst may send; LANES unless said otherwise.
void memory_port_limit(struct port *port, unsigned n);

// How long sending a frame takes, in ticks; 0 unless said otherwise.
void memory_port_cost(struct port *port, uint64_t ticks);

// The TSC at which the last reply of that lane began to be sent.
uint64_t memory_port_left(const struct port *port, unsigned lane);

// The stamps of the lanes of the next bursts; none unless said otherwise.
void memory_port_stamps(struct port *port, lane_set stamped, const uint64_t stamp[LANES]);

// Likewise the stamps of the device's own clock.
void memory_port_own(struct port *port, lane_set hardware, const uint64_t own[LANES]);

// Lets the device wait in the port's place, so that the port does not (port_launches; before
// core_open). memory_port_launch: the time that the last burst was given for it, or 0.
void memory_port_launches(struct port *port, bool launches);
uint64_t memory_port_launch(const struct port *port);

// Lets the device tell of the departure of a frame of each burst: port_sampled returns `known`,
// with that reading.
void memory_port_sample(struct port *port, int known, uint64_t own);

// Lets the port tell the departures of the frames of burst.exact (it cannot at first): in the order
// of their sending, once memory_port_tell says how many more it knows by now, of which `lost` came
// without a stamp.
void memory_port_exact(struct port *port, bool exact);
void memory_port_tell(struct port *port, unsigned n, bool lost);

// From now on they are told as stamps of the device's clock: what the TSC says, plus offset.
void memory_port_exact_by_device(struct port *port, uint64_t offset);

// The TSC at which the last frame left whose departure is told.
uint64_t memory_port_exact_left(const struct port *port);

// Frames that are lent to the core now: 0 after every turn.
unsigned memory_port_lent(const struct port *port);

// Frames that were pushed and not received yet.
unsigned memory_port_waiting(const struct port *port);
