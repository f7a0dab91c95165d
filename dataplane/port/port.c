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

// A way that tells departures: the port's own, or a packet socket beside it.
static bool tells(const struct port *port)
{
    return atomic_load_explicit(&port->tells, memory_order_relaxed);
}

static unsigned room(const struct port *port)
{
    if (tells(port))
        return port->calls->room(port);
    return port->exact ? exact_room(port->exact) : 0;
}

// A packet socket copies the reply.
static bool send_one(struct port *port, struct burst *burst, unsigned lane)
{
    if (tells(port))
        return port->calls->send(port, burst, lane);
    if (!exact_send(port->exact, burst->reply[lane], burst->reply_len[lane], burst->ticket[lane]))
        return false;
    port->calls->drop(port, burst, lane_bit(lane));
    return true;
}

// Sends those lanes of answer in the way that tells when they left, as far as the kernel takes
// them, and takes back their frames and replies. Returns those that were sent.
static lane_set send_exact(struct port *port, struct burst *burst, lane_set answer, lane_set lanes)
{
    lane_set sent = 0;
    while (lanes != 0) {
        unsigned lane = lane_take(&lanes);
        unsigned rank = lane_count(answer & (lane_bit(lane) - 1));
        tsc_wait(tsc_now(), burst->not_before + rank * burst->pace);
        if (!send_one(port, burst, lane))
            break;
        sent |= lane_bit(lane);
    }
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
        exact = lane_lowest(exact, room(port));
    return exact == 0 ? port->calls->tx(port, burst, answer)
                      : send_both(port, burst, answer, exact);
}

unsigned port_departures(struct port *port, struct port_departure *out, unsigned most)
{
    unsigned n = port->calls->departures ? port->calls->departures(port, out, most) : 0;
    if (port->exact && n < most)
        n += exact_departures(port->exact, out + n, most - n);
    return n;
}

void port_departed(struct port *port, unsigned n, unsigned believed)
{
    port->doubted = believed > 0 ? 0 : port->doubted + n;
    if (port->doubted >= PORT_DOUBTED_MAX && tells(port))
        atomic_store_explicit(&port->tells, false, memory_order_relaxed);
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

bool port_launch_is_tried(const struct port *port)
{
    return atomic_load_explicit(&port->launch, memory_order_relaxed) == PORT_LAUNCH_TRIED;
}

void port_launch_note(struct port *port, enum port_launch launch)
{
    atomic_store_explicit(&port->launch, launch, memory_order_relaxed);
}

const struct address_set *port_addresses(const struct port *port)
{
    return port->addresses;
}
