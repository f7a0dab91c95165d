// What a port lends for one turn: a burst of frames, the buffers of their replies, and what is
// known of the frames' arrival times. Lane i of each array is the same frame. A port knows no
// stage; stage/batch.h embeds this and adds what the stages know.
//
// A burst belongs to one core, from port_rx until each lane has gone back by port_tx or port_drop.
#pragma once

#include "base/lane_set.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    FRAME_MAX = 1522,   // MTU 1500, Ethernet header, two VLAN tags
    BURST_DRAINED = 32, // a burst of fewer frames has drained the port
};

struct burst {
    // Filled by port_rx for its lanes.
    bool drained;          // the burst has all frames that had arrived before the poll
    lane_set stamped;      // the lanes whose frame bears a stamp
    bool from_kernel;      // the kernel delivered the datagrams to this host, and gave their frames
                           // up; a port sets it that has them from a socket
    uint8_t *frame[LANES]; // from the destination MAC address on
    uint16_t len[LANES];   // octets of frame, without FCS
    uint8_t *reply[LANES]; // room for at least len octets, aligned like frame; content undefined
    uint64_t stamp[LANES]; // of the stamped lanes: CLOCK_MONOTONIC in ns as the frame arrived
    lane_set hardware;     // the lanes whose frame bears a stamp of the device's, stamped or not
    uint64_t own[LANES];   // of these: the device's clock (clock.h) in ns as the frame arrived

    // Filled for port_tx.
    uint16_t reply_len[LANES]; // octets of the reply frame
    uint16_t together;         // frames that one send call may carry, 1 to LANES
    uint64_t not_before;       // TSC: the call with frame k begins no earlier than
    uint64_t pace;             // not_before + k * pace
    uint64_t launch;           // not 0: the device's clock (clock.h) in ns; a port whose device can
                               // wait gives it the frames early, and they leave no earlier than
                               // this. Other ports wait until not_before, which is the same time
    uint64_t launch_trial;     // not 0: likewise, to try whether the device waits: later than all
                               // of not_before and pace, for a frame that the device samples and
                               // that is the last one. The port waits all the same
    lane_set exact;            // lanes whose true departure is to be told
    uint64_t ticket[LANES];    // of these lanes: comes back with the departure

    // Filled by port_tx. A device that sends within the call has sent its last frame by its end.
    // `exact` becomes the lanes whose departure port_departures will tell; they are not in the tx_
    // words.
    uint64_t tx_ready; // TSC: all was prepared, and the wait until not_before began
    uint64_t tx_last;  // TSC: the last send call began
    uint64_t tx_ended; // TSC: and ended
    uint64_t tx_busy;  // ticks in send calls
    bool sampled;      // the device will tell when the first frame of the last call left
};

// The result for one frame whose departure time the port was to report.
struct port_departure {
    uint64_t ticket;
    bool known;    // false: its stamp was lost, or cannot be true
    bool hardware; // `stamp` says when the frame left, and not before_ns
    uint32_t before_ns;
    uint64_t tsc;   // the frame left before_ns before this reading
    uint64_t began; // of hardware: it left after this reading, and before tsc
    uint64_t stamp; // of hardware: the device's clock (clock.h) in ns as the frame left
};
