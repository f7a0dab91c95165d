// Sending a burst's replies when its plan of departures allows it: the part of port_tx that the
// kinds of ports share. In the header, because each kind's send call is inlined.
#pragma once

#include "base/tsc.h"
#include "dataplane/port/burst.h"

#include <assert.h>
#include <stdint.h>

// Sends the replies from .. from + n - 1 in one call; returns how many the device took.
typedef uint16_t paced_send_call(void *self, uint16_t from, uint16_t n);

// Sends n replies in calls of burst->together frames, each no earlier than not_before and pace say,
// until the device takes fewer than it is given. Sets the tx_ words. Returns how many were sent.
static inline __attribute__((always_inline)) uint16_t paced_send(struct burst *burst, uint16_t n,
                                                                 paced_send_call *send, void *self)
{
    uint16_t sent = 0;
    assert(burst->together > 0);
    burst->tx_busy = 0;
    burst->tx_ready = burst->tx_ended = tsc_now();
    while (sent < n) {
        const uint16_t left = (uint16_t)(n - sent);
        const uint16_t most = burst->together < left ? burst->together : left;
        burst->tx_last = tsc_wait(burst->tx_ended, burst->not_before + sent * burst->pace);
        const uint16_t gone = send(self, sent, most);
        burst->tx_ended = tsc_now();
        burst->tx_busy += burst->tx_ended - burst->tx_last;
        sent += gone;
        if (gone < most)
            break;
    }
    return sent;
}
