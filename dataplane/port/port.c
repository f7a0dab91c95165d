// port.h over the kinds of ports: one indirect call for a burst.
#include "dataplane/port/port.h"

#include "base/tsc.h"
#include "board/counters.h"
#include "dataplane/port/calls.h"
#include "dataplane/port/xdp/exact.h"

lane_set port_rx(struct port *port, struct burst *burst)
{
    return port->calls->rx(port, burst);
}

// Sends those lanes of answer in the way that tells when they left, as far as the kernel takes
// them, and takes back their frames and replies: the kernel has copied them. Returns those that
// were sent.
static lane_set send_exact(struct port *port, struct burst *burst, lane_set answer, lane_set lanes)
{
    lane_set sent = 0;
    while (lanes != 0) {
        unsigned lane = lane_take(&lanes);
        unsigned rank = lane_count(answer & (lane_bit(lane) - 1));
        tsc_wait(tsc_now(), burst->not_before + rank * burst->pace);
        if (!exact_send(port->exact, burst->reply[lane], burst->reply_len[lane],
                        burst->ticket[lane]))
            break;
        sent |= lane_bit(lane);
    }
    port->calls->drop(port, burst, sent);
    return sent;
}

// The usual way first: it is faster, and many frames share a call there. Each of its frames is held
// back as long as if all the exact ones were before it, so that none leaves before its timestamp.
static lane_set send_both(struct port *port, struct burst *burst, lane_set answer, lane_set exact)
{
    const uint64_t not_before = burst->not_before;
    lane_set sent = 0;
    burst->tx_ready = tsc_now(); // also when all are exact
    burst->not_before += lane_count(exact) * burst->pace;
    if (exact != answer)
        sent = port->calls->tx(port, burst, answer & ~exact);
    burst->not_before = not_before;
    burst->exact = send_exact(port, burst, answer, exact);
    if (burst->exact != exact) // the kernel did not take one: the others go the usual way
        sent |= port->calls->tx(port, burst, exact & ~burst->exact);
    return sent | burst->exact;
}

lane_set port_tx(struct port *port, struct burst *burst, lane_set answer)
{
    lane_set exact = burst->exact & answer;
    burst->exact = 0;
    if (exact != 0)
        exact = port->exact ? lane_lowest(exact, exact_room(port->exact)) : 0;
    return exact == 0 ? port->calls->tx(port, burst, answer)
                      : send_both(port, burst, answer, exact);
}

unsigned port_departures(struct port *port, struct port_departure *out, unsigned most)
{
    return port->exact ? exact_departures(port->exact, out, most) : 0;
}

int port_sampled(struct port *port, uint64_t *own)
{
    return port->calls->sampled ? port->calls->sampled(port, own) : -1;
}

void port_drop(struct port *port, struct burst *burst, lane_set drop)
{
    port->calls->drop(port, burst, drop);
}

int port_descriptor(const struct port *port)
{
    return port->descriptor;
}

void port_believed(struct port *port, unsigned n)
{
    counter_add(&port->believed, n);
}

const struct snapshot *port_line(const struct port *port)
{
    return port->line;
}

bool port_launches(const struct port *port)
{
    return port->launches;
}

bool port_smears(const struct port *port)
{
    return port->smears;
}

const struct address_set *port_addresses(const struct port *port)
{
    return port->addresses;
}
