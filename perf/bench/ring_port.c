// Lends the same frames repeatedly.
#include "perf/bench/ring_port.h"

#include "base/tsc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    // As in DPDK's pools: the pool's header, the buffer's header, headroom, room for a frame. An
    // odd number of cache lines, so that buffers begin at different offsets in a page.
    HEADERS_LEN = 64 + 128,
    HEADROOM = 128,
    BUFFER_LEN = HEADERS_LEN + HEADROOM + 2048,
    TURNS = 2, // the replies of the last turn are still being sent
    BUFFERS = RING_PORT_FRAMES + TURNS * LANES,
};
static_assert(BUFFER_LEN / 64 % 2 == 1, "buffers spread over all places of a page");
static_assert(RING_PORT_FRAMES % LANES == 0, "the ring is whole bursts");

struct slot {
    uint8_t *frame;
    uint16_t len;
};

struct port {
    const struct address_set *ours;
    bool stamped;
    uint8_t *buffers;
    unsigned next; // the next slot
    unsigned turn;
    uint64_t random;
    struct slot slot[RING_PORT_FRAMES];
};

static uint8_t *frame_of(const struct port *port, unsigned buffer)
{
    return port->buffers + (size_t)buffer * BUFFER_LEN + HEADERS_LEN + HEADROOM;
}

struct port *ring_port_open(const struct address_set *ours, bool stamped)
{
    struct port *port = calloc(1, sizeof *port);
    uint8_t *buffers = aligned_alloc(4096, ((size_t)BUFFERS * BUFFER_LEN + 4095) / 4096 * 4096);
    if (!port || !buffers) {
        perror("memory");
        exit(1);
    }
    memset(buffers, 0xa5,
           (size_t)BUFFERS * BUFFER_LEN); // touches every page before the measurement
    *port = (struct port){.ours = ours, .stamped = stamped, .buffers = buffers, .random = 1};
    for (unsigned i = 0; i < RING_PORT_FRAMES; i++)
        port->slot[i].frame = frame_of(port, i);
    return port;
}

void ring_port_put(struct port *port, unsigned at, const uint8_t *frame, uint32_t len)
{
    assert(at < RING_PORT_FRAMES && len <= FRAME_MAX);
    memcpy(port->slot[at].frame, frame, len);
    port->slot[at].len = (uint16_t)len;
}

void ring_port_shuffle(struct port *port)
{
    for (unsigned i = RING_PORT_FRAMES; i > 1; i--) {
        port->random = port->random * 6364136223846793005U + 1442695040888963407U;
        unsigned other = (unsigned)(port->random >> 33) % i;
        struct slot slot = port->slot[i - 1];
        port->slot[i - 1] = port->slot[other];
        port->slot[other] = slot;
    }
}

bool port_launches(const struct port *port)
{
    (void)port;
    return false;
}

bool port_launch_is_tried(const struct port *port)
{
    (void)port;
    return false;
}

void port_launch_note(struct port *port, enum port_launch launch)
{
    (void)port;
    (void)launch;
}

int port_sampled(struct port *port, uint64_t *own)
{
    (void)port;
    (void)own;
    return -1;
}

lane_set port_rx(struct port *port, struct burst *burst)
{
    unsigned replies = RING_PORT_FRAMES + port->turn * LANES;
    const struct slot *slot = &port->slot[port->next];
    for (unsigned i = 0; i < LANES; i++) {
        __builtin_prefetch(slot[i].frame);
        burst->frame[i] = slot[i].frame;
        burst->len[i] = slot[i].len;
        burst->reply[i] = frame_of(port, replies + i);
    }
    port->next = (port->next + LANES) % RING_PORT_FRAMES;
    port->turn = (port->turn + 1) % TURNS;
    burst->hardware = 0;
    burst->stamped = port->stamped ? ~(lane_set)0 : 0;
    for (unsigned i = 0; port->stamped && i < LANES; i++)
        burst->stamp[i] = port->next + i;
    burst->drained = false;
    return ~(lane_set)0;
}

lane_set port_tx(struct port *port, struct burst *burst, lane_set answer)
{
    (void)port;
    burst->exact = 0;
    burst->tx_ready = tsc_now();
    burst->tx_last = tsc_wait(burst->tx_ready, burst->not_before);
    burst->tx_ended = tsc_now();
    burst->tx_busy = burst->tx_ended - burst->tx_last;
    return answer;
}

unsigned port_departures(struct port *port, struct port_departure *out, unsigned most)
{
    (void)port;
    (void)out;
    (void)most;
    return 0;
}

void port_drop(struct port *port, struct burst *burst, lane_set drop)
{
    (void)port;
    (void)burst;
    (void)drop;
}

const struct address_set *port_addresses(const struct port *port)
{
    return port->ours;
}

void port_departed(struct port *port, unsigned n, unsigned believed)
{
    (void)port;
    (void)n;
    (void)believed;
}

void port_believed(struct port *port, unsigned n)
{
    (void)port;
    (void)n;
}
