// The frames of a socket whose departure its device is to tell, from their sending until that is
// known. The stamp is in the frame's metadata (tx_metadata.h) when its buffer comes back. One core.
//
// Some drivers stamp when they have handed all waiting frames to the device, and give each of them
// the time of the last one (mlx5). So a frame's stamp counts only if none was sent behind it before
// the driver had read it.
#pragma once

#include "base/lane_set.h"
#include "dataplane/port/burst.h"
#include "dataplane/port/xdp/ring.h"
#include "dataplane/port/xdp/socket.h"

#include <stdbool.h>
#include <stdint.h>

enum { TX_STAMPS_LOST_MS = 20 }; // a frame that has not come back by then is not waited for

struct tx_stamp {
    uint64_t ticket;
    uint64_t began;   // TSC: it was not sent earlier
    uint64_t sent_ns; // CLOCK_MONOTONIC
    uint64_t stamp;   // once it is back; 0: unknown
    uint32_t offset;  // in the UMEM
};

struct tx_stamps {
    lane_set waiting; // places in use whose frame is with the kernel
    lane_set back;    // whose frame is back, but not told
    lane_set unread;  // of waiting: the driver may not have read them
    lane_set doubted; // of waiting: others were sent behind them before it had
    lane_set sample;  // of waiting and back: the place of the sample; one at most
    struct tx_stamp of[LANES];
    uint8_t place[SOCKET_FRAMES]; // of each buffer: 1 + its frame's place; 0: none
};
static_assert(LANES < UINT8_MAX, "a place is an octet");

// For how many more frames there is room.
static inline unsigned tx_stamps_room(const struct tx_stamps *stamps)
{
    return LANES - lane_count(stamps->waiting | stamps->back);
}

// Frames are about to be published on that ring.
static inline void tx_stamps_before_send(struct tx_stamps *stamps, struct ring *tx)
{
    if (stamps->unread == 0)
        return;
    if (ring_unread(tx) != 0)
        stamps->doubted |= stamps->unread;
    stamps->unread = 0;
}

// That frame was sent with metadata that asks for its stamp. There is room.
void tx_stamps_sent(struct tx_stamps *stamps, uint32_t offset, uint64_t ticket, uint64_t began,
                    bool sample);

// A buffer has come back: `offset` is its frame's, as it was sent.
void tx_stamps_back(struct tx_stamps *stamps, const uint8_t *umem, uint32_t offset);

// As port_departures; but for the sample.
unsigned tx_stamps_tell(struct tx_stamps *stamps, struct port_departure *out, unsigned most);

// As port_sampled.
int tx_stamps_sampled(struct tx_stamps *stamps, uint64_t *own);
