// Where each buffer of a socket is: with the kernel (to receive into, or to send), lent to the user
// of the socket, or free. A buffer is named by its offset in the UMEM.
//
// One thread at a time, without locks.
#pragma once

#include "base/lane_set.h"
#include "dataplane/port/xdp/socket.h"

#include <linux/if_xdp.h>
#include <stdint.h>

struct tx_stamps;

struct buffers {
    struct socket socket;
    struct tx_stamps *stamps; // of frames that are sent with metadata; NULL: none are
    uint32_t owed;            // buffers that the fill ring lacks
    uint32_t n_sending;       // that the kernel has to send, SOCKET_SENDS at most
    uint32_t n_free;          // of free
    uint32_t
        free[SOCKET_FRAMES]; // the last one is used first, since it is most likely in the cache
};

enum {
    // Octets that the kernel leaves in front of a received frame (XDP_PACKET_HEADROOM).
    BUFFERS_XDP_HEADROOM = 256,
    // That stay free for others while the fill ring is owed some: a burst's worth.
    BUFFERS_KEPT = LANES,
};

// Opens the socket (socket_open) and gives the kernel what it may receive into. 0 or -errno.
int buffers_open(struct buffers *buffers, const struct socket_plan *plan);

// Has frames sent with metadata from now on, if the socket takes it. 0 or -errno; -EOPNOTSUPP: it
// does not. No core uses the buffers.
int buffers_use_metadata(struct buffers *buffers);

void buffers_close(struct buffers *buffers);

static inline void buffers_give_back(struct buffers *buffers, uint32_t offset)
{
    buffers->free[buffers->n_free++] = offset & (uint32_t)SOCKET_FRAME_MASK;
}

// One of the n_free free ones.
static inline uint32_t buffers_take(struct buffers *buffers)
{
    return buffers->free[--buffers->n_free];
}

// Takes back the buffers of frames that have been sent.
void buffers_reap(struct buffers *buffers);

// Gives the kernel empty buffers for those that it is owed.
void buffers_refill(struct buffers *buffers);

// After an empty poll: lets a driver receive that does so within our system calls, or that sleeps.
// In copy mode the kernel receives without us, and this makes no system call.
void buffers_wake(struct buffers *buffers);

// Sends n frames. Returns how many of them, the first ones, the kernel has taken; the others are
// still the caller's.
uint32_t buffers_send(struct buffers *buffers, const struct xdp_desc *frame, uint32_t n);
