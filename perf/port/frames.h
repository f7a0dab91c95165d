// Sends and receives the frames of one queue of the tester's port. No type of DPDK or of AF_XDP is
// visible outside of this header.
//
// A queue belongs to one thread. Two bursts are lent at a time, independent of each other: one to
// be sent (frames_lend) and one that was received (frames_receive).
#pragma once

#include "base/lane_set.h"
#include "dataplane/port/burst.h"

#include <stdbool.h>
#include <stdint.h>

struct buffers;
struct rte_mbuf;
struct rte_mempool;

// Of a DPDK device, or of a network interface: then xdp is not NULL.
struct frames_queue {
    struct buffers *xdp;
    bool lent[LANES];            // by frames_lend, and not sent yet
    uint32_t blank_at[LANES];    // where the lent frames begin
    uint32_t received_at[LANES]; // lent by frames_receive

    uint16_t device; // DPDK's numbers
    uint16_t number;
    uint16_t n_blank;
    struct rte_mempool *pool;
    struct rte_mbuf *blank[LANES];    // lent by frames_lend; NULL where it was sent
    struct rte_mbuf *received[LANES]; // lent by frames_receive
};

struct frames {
    uint8_t *frame[LANES]; // starts with the destination MAC address
    uint16_t len[LANES];   // octets, without FCS
};

// Lends n frames (up to LANES) with room for FRAME_MAX octets each and undefined content; returns
// for how many there were buffers. Frames of the last burst that were not sent are lent again.
unsigned frames_lend(struct frames_queue *queue, struct frames *out, unsigned n);

// Sends n frames (0: none) from index `from` on, in order, with out's lengths. Returns how many the
// queue accepted; the others are still lent.
unsigned frames_send(struct frames_queue *queue, const struct frames *out, unsigned from,
                     unsigned n);

// Sends a copy of one frame of up to FRAME_MAX octets, independent of lent frames. False when there
// is no buffer or no room in the queue.
bool frames_send_copy(struct frames_queue *queue, const uint8_t *frame, uint16_t len);

// Lends up to LANES received frames and returns their number; len is 0 for a frame in several
// segments or longer than FRAME_MAX. 16 octets after each frame may be read. frames_release must
// give back all of them.
unsigned frames_receive(struct frames_queue *queue, struct frames *in);

// Gives back all n frames that frames_receive lent.
void frames_release(struct frames_queue *queue, unsigned n);

// Gives back the frames of frames_lend that were not sent. Call it before the device is closed.
void frames_empty(struct frames_queue *queue);
