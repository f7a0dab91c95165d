// A port made of memory.
#include "tests/dataplane/memory_port.h"

#include "base/tsc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE = 4096 };

struct packet {
    uint8_t *octets;
    uint32_t len;
    uint64_t request;
};

struct queue {
    struct packet packet[QUEUE];
    unsigned first;
    unsigned n;
};

struct port {
    int descriptor;
    const struct address_set *ours;
    struct queue in;
    struct queue out;
    uint64_t pushed;
    uint8_t poison;
    unsigned limit;
    uint64_t cost;
    uint64_t left[LANES];
    lane_set stamped;
    uint64_t stamp[LANES];
    lane_set hardware;
    uint64_t own[LANES];
    unsigned believed;
    enum port_launch launch_note;
    unsigned departed, departed_believed;
    bool launches;
    uint64_t launch; // of the last burst
    bool samples;
    int sampled; // as port_sampled says
    uint64_t sampled_own;
    bool exact;
    struct port_departure departure[QUEUE]; // told up to n_told, known up to n_known
    unsigned n_departures;
    bool by_device;
    uint64_t device_offset;
    uint64_t last_left; // of those
    unsigned n_known;
    unsigned n_told;
    struct packet lent[LANES];
    uint8_t *reply[LANES];
};

static bool put(struct queue *queue, struct packet packet)
{
    if (queue->n == QUEUE)
        return false;
    queue->packet[(queue->first + queue->n++) % QUEUE] = packet;
    return true;
}

static bool get(struct queue *queue, struct packet *packet)
{
    if (queue->n == 0)
        return false;
    *packet = queue->packet[queue->first];
    queue->first = (queue->first + 1) % QUEUE;
    queue->n--;
    return true;
}

// malloc(0) may be NULL, which would look like no frame.
static uint8_t *copy_of(const uint8_t *octets, uint32_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert(copy != NULL);
    if (len > 0)
        memcpy(copy, octets, len);
    return copy;
}

struct port *memory_port_open(const struct address_set *ours)
{
    struct port *port = calloc(1, sizeof *port);
    assert(port != NULL);
    port->ours = ours;
    port->descriptor = -1;
    port->poison = 0xa5;
    port->limit = LANES;
    return port;
}

static void give_back(struct port *port, unsigned lane)
{
    assert(port->lent[lane].octets != NULL); // every lane exactly once
    free(port->lent[lane].octets);
    free(port->reply[lane]);
    port->lent[lane].octets = NULL;
    port->reply[lane] = NULL;
}

void memory_port_descriptor(struct port *port, int descriptor)
{
    port->descriptor = descriptor;
}

int port_descriptor(const struct port *port)
{
    return port->descriptor;
}

void memory_port_close(struct port *port)
{
    if (port == NULL)
        return;
    struct packet packet;
    while (get(&port->in, &packet) || get(&port->out, &packet))
        free(packet.octets);
    for (unsigned i = 0; i < LANES; i++) {
        if (port->lent[i].octets != NULL)
            give_back(port, i);
    }
    free(port);
}

bool memory_port_push(struct port *port, const uint8_t *frame, uint32_t len)
{
    assert(len <= UINT16_MAX);
    struct packet packet = {copy_of(frame, len), len, port->pushed};
    if (!put(&port->in, packet)) {
        free(packet.octets);
        return false;
    }
    port->pushed++;
    return true;
}

uint32_t memory_port_take(struct port *port, uint8_t *out, uint64_t *request)
{
    struct packet packet;
    if (!get(&port->out, &packet))
        return 0;
    memcpy(out, packet.octets, packet.len);
    free(packet.octets);
    if (request != NULL)
        *request = packet.request;
    return packet.len;
}

void memory_port_poison(struct port *port, uint8_t octet)
{
    port->poison = octet;
}

void memory_port_limit(struct port *port, unsigned n)
{
    port->limit = n;
}

void memory_port_cost(struct port *port, uint64_t ticks)
{
    port->cost = ticks;
}

uint64_t memory_port_left(const struct port *port, unsigned lane)
{
    return port->left[lane];
}

void memory_port_stamps(struct port *port, lane_set stamped, const uint64_t stamp[LANES])
{
    port->stamped = stamped;
    memcpy(port->stamp, stamp, sizeof port->stamp);
}

void memory_port_own(struct port *port, lane_set hardware, const uint64_t own[LANES])
{
    port->hardware = hardware;
    memcpy(port->own, own, sizeof port->own);
}

void port_believed(struct port *port, unsigned n)
{
    port->believed += n;
}

void port_departed(struct port *port, unsigned n, unsigned believed)
{
    port->departed += n;
    port->departed_believed += believed;
}

const struct snapshot *port_line(const struct port *port)
{
    (void)port;
    return NULL;
}

bool port_smears(const struct port *port)
{
    (void)port;
    return false;
}

bool port_launches(const struct port *port)
{
    return port->launches;
}

bool port_launch_is_tried(const struct port *port)
{
    (void)port;
    return false;
}

void port_launch_note(struct port *port, enum port_launch launch)
{
    port->launch_note = launch;
}

void memory_port_launches(struct port *port, bool launches)
{
    port->launches = launches;
}

uint64_t memory_port_launch(const struct port *port)
{
    return port->launch;
}

void memory_port_sample(struct port *port, int known, uint64_t own)
{
    port->samples = true;
    port->sampled = known;
    port->sampled_own = own;
}

int port_sampled(struct port *port, uint64_t *own)
{
    *own = port->sampled_own;
    return port->sampled;
}

void memory_port_exact(struct port *port, bool exact)
{
    port->exact = exact;
}

void memory_port_tell(struct port *port, unsigned n, bool lost)
{
    for (; n > 0 && port->n_known < port->n_departures; n--)
        port->departure[port->n_known++ % QUEUE].known = !lost;
}

void memory_port_exact_by_device(struct port *port, uint64_t offset)
{
    port->by_device = true;
    port->device_offset = offset;
}

uint64_t memory_port_exact_left(const struct port *port)
{
    return port->last_left;
}

unsigned memory_port_lent(const struct port *port)
{
    unsigned n = 0;
    for (unsigned i = 0; i < LANES; i++)
        n += port->lent[i].octets != NULL;
    return n;
}

unsigned memory_port_waiting(const struct port *port)
{
    return port->in.n;
}

lane_set port_rx(struct port *port, struct burst *burst)
{
    assert(memory_port_lent(port) == 0);
    unsigned n = 0;
    while (n < LANES && get(&port->in, &port->lent[n])) {
        uint32_t len = port->lent[n].len;
        port->reply[n] = malloc(len > 0 ? len : 1);
        assert(port->reply[n] != NULL);
        memset(port->reply[n], port->poison, len);
        burst->frame[n] = port->lent[n].octets;
        burst->len[n] = (uint16_t)len;
        burst->reply[n] = port->reply[n];
        n++;
    }
    burst->stamped = lane_first(n) & port->stamped;
    memcpy(burst->stamp, port->stamp, sizeof burst->stamp);
    burst->hardware = lane_first(n) & port->hardware;
    memcpy(burst->own, port->own, sizeof burst->own);
    burst->drained = n < BURST_DRAINED;
    return lane_first(n);
}

lane_set port_tx(struct port *port, struct burst *burst, lane_set answer)
{
    lane_set sent = 0;
    assert(burst->together >= 1);
    if (!port->exact)
        burst->exact = 0;
    burst->tx_ready = tsc_now();
    burst->tx_busy = 0;
    burst->sampled = port->samples;
    port->launch = burst->launch;
    if (port->launches && burst->launch != 0)
        burst->not_before = tsc_now();
    for (unsigned n = 0; answer != 0 && n < port->limit; n++) {
        if (n % burst->together == 0)
            burst->tx_last = tsc_wait(tsc_now(), burst->not_before + n * burst->pace);
        unsigned i = lane_take(&answer);
        uint32_t len = burst->reply_len[i];
        port->left[i] = burst->tx_last + n % burst->together * port->cost;
        burst->tx_ended = tsc_wait(tsc_now(), port->left[i] + port->cost);
        burst->tx_busy += port->cost;
        bool taken = put(
            &port->out, (struct packet){copy_of(burst->reply[i], len), len, port->lent[i].request});
        assert(taken); // the test takes replies out before they are 4096
        give_back(port, i);
        sent |= lane_bit(i);
        if ((burst->exact & lane_bit(i)) != 0) {
            port->last_left = port->left[i];
            port->departure[port->n_departures++ % QUEUE] = (struct port_departure){
                .ticket = burst->ticket[i],
                .hardware = port->by_device,
                .began = burst->tx_last,
                .stamp = port->left[i] + port->device_offset,
                .tsc = port->left[i] + (port->by_device ? port->cost + 1 : 0),
            };
        }
    }
    return sent;
}

unsigned port_departures(struct port *port, struct port_departure *out, unsigned most)
{
    unsigned n = 0;
    while (n < most && port->n_told < port->n_known)
        out[n++] = port->departure[port->n_told++ % QUEUE];
    return n;
}

void port_drop(struct port *port, struct burst *burst, lane_set drop)
{
    (void)burst;
    while (drop != 0)
        give_back(port, lane_take(&drop));
}

const struct address_set *port_addresses(const struct port *port)
{
    return port->ours;
}
