// The frames of one queue of the tester's port: requests out, replies in. No DPDK type passes this
// header.
//
// A queue belongs to one thread. Two bursts are lent at a time, independent of each other: one to
// be sent (frames_lend) and one that was received (frames_receive).
#pragma once

#include "base/lane_set.h"
#include "dataplane/port/burst.h"

#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;
struct rte_mempool;

struct frames_queue {
    uint16_t device; // DPDK's numbers
    uint16_t number;
    uint16_t n_blank;
    struct rte_mempool *pool;
    struct rte_mbuf *blank[LANES];    // lent by frames_lend; NULL where it was sent
    struct rte_mbuf *received[LANES]; // lent by frames_receive
};

struct frames {
    uint8_t *frame[LANES]; // from the destination MAC address on
    uint16_t len[LANES];   // octets, without FCS
};

// Lends n empty frames (up to LANES) with room for FRAME_MAX octets each and content undefined;
// returns for how many there were buffers. What of the last burst has not been sent is lent anew.
unsigned frames_lend(struct frames_queue *queue, struct frames *out, unsigned n);

// Sends those from `from` on, n of them, in order, with out's lengths. How many the queue took; the
// others are still lent.
unsigned frames_send(struct frames_queue *queue, const struct frames *out, unsigned from,
                     unsigned n);

// Sends a copy of one frame of up to FRAME_MAX octets, beside what is lent. False when there is no
// buffer or no room in the queue.
bool frames_send_copy(struct frames_queue *queue, const uint8_t *frame, uint16_t len);

// Lends what has come, up to LANES frames; len is 0 where a frame is in several segments or
// longer than FRAME_MAX. 16 octets behind each may be read. How many; all go back by
// frames_release.
unsigned frames_receive(struct frames_queue *queue, struct frames *in);

// Takes back all n that frames_receive lent.
void frames_release(struct frames_queue *queue, unsigned n);

// Gives back what frames_lend lent and was not sent. Before the device is closed.
void frames_empty(struct frames_queue *queue);
