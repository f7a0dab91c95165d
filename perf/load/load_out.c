#include "perf/load/load_out.h"

#include "perf/load/request.h"

#include <string.h>

enum {
    AHEAD_NS = 1000000,    // how early requests are prepared
    BEHIND_NS = 100000000, // requests that are later than this are not sent
    SKIPS_MAX = 4096,      // per turn
    ELEPHANTS = 10,
    KEY_ID_LEN = 4, // a cookie starts with its key's id, in every known server
};

// A request that is being made.
struct made {
    uint32_t client;
    struct slot *slot;
    uint8_t *payload;
    unsigned lane;
};

// Makes an NTS request of the flow for a client that has a cookie. It is authenticated later,
// together with its neighbours.
static void make_nts(struct load *load, struct flow *flow, struct made *m)
{
    struct clients *clients = load->clients;
    struct client *client = &clients->client[m->client];
    const uint8_t *cookie = clients_cookie(clients, m->client);
    unsigned more = 0;
    if (flow_rows[flow->kind].honest) {
        clients_spend(clients, m->client);
        more = load->plan.placeholders == LOAD_AUTO ? clients_lack(clients, m->client)
                                                    : (unsigned)load->plan.placeholders;
        while (more > 0 &&
               request_nts_len(clients->cookie_len, more, load->aead->lengths) > PATH_PAYLOAD_MAX)
            more--;
        client->in_flight += client->in_flight < UINT8_MAX;
    }
    rng_fill(load->rng, m->slot->uid, sizeof m->slot->uid);
    const struct aead_lengths *aead = load->aead->lengths;
    uint16_t covered = request_nts(m->payload, m->slot->transmit, m->slot->uid, cookie,
                                   clients->cookie_len, more, aead);
    if (flow->kind == FLOW_UNKNOWN_KEY)
        rng_fill(load->rng, m->payload + REQUEST_COOKIE_AT, KEY_ID_LEN);
    uint8_t *seal = m->payload + covered;
    rng_fill(load->rng, seal + REQUEST_NONCE_AT, aead->nonce);
    load->lanes.key[m->lane] = client->c2s;
    load->lanes.ad[m->lane] = m->payload;
    load->lanes.ad_len[m->lane] = covered;
    load->lanes.nonce[m->lane] = seal + REQUEST_NONCE_AT;
    load->lanes.tag[m->lane] = seal + REQUEST_NONCE_AT + aead->nonce;
    m->slot->epoch = client->epoch;
    m->slot->asked = (uint8_t)(1 + more) & 15;
    m->slot->len = (uint16_t)(covered + request_seal_len(aead));
}

static void make_plain(struct load *load, struct flow *flow, struct made *m)
{
    if (flow->kind == FLOW_GARBAGE) {
        uint8_t random[64];
        rng_fill(load->rng, random, sizeof random);
        m->slot->len = request_garbage(m->payload, m->slot->transmit, random);
        return;
    }
    uint64_t origin = load->plan.interleaved ? load->clients->client[m->client].server_receive : 0;
    m->slot->interleaved = origin != 0;
    m->slot->len = request_plain(m->payload, m->slot->transmit, origin);
}

// A slot of the window; for spoofed requests a dummy slot.
static struct slot *take_slot(struct load *load, struct flow *flow, struct slot *unseen)
{
    if (flow->kind != FLOW_FLOOD || !load->plan.spoof)
        return window_next(&load->window, load_random(load));
    unseen->transmit = load_random(load);
    return unseen;
}

// Ten clients in turn, spread evenly over all, so that each has another source.
static uint32_t elephants_turn(struct load *load)
{
    uint32_t n = load->clients->n < ELEPHANTS ? load->clients->n : ELEPHANTS;
    return (uint32_t)((uint64_t)(load->elephant++ % n) * load->clients->n / n);
}

// Makes the next request of a flow in that lane; false when it needs a cookie and no client has
// one.
static bool make(struct load *load, unsigned lane, uint64_t due, lane_set *seal)
{
    struct load_burst *burst = &load->burst;
    struct flow *flow = &load->flow[load->picked];
    struct made m = {.lane = lane, .payload = burst->out.payload[lane]};
    struct slot unseen = {0};
    if (flow->kind == FLOW_ELEPHANT)
        m.client = elephants_turn(load);
    else if (!flow->nts)
        m.client = clients_turn(load->clients);
    else if (!clients_turn_with_cookie(load->clients, &m.client))
        return false;

    m.slot = take_slot(load, flow, &unseen);
    m.slot->client = m.client & ((1U << WINDOW_CLIENT_BITS) - 1);
    m.slot->flow = (uint8_t)load->picked & 15;
    m.slot->due_ns = due;
    m.slot->sent_ns = 0;
    m.slot->state = SLOT_WAITING;
    m.slot->asked = 0;
    m.slot->interleaved = false;
    m.slot->stamped = false;
    if (flow->nts) {
        make_nts(load, flow, &m);
        *seal |= lane_bit(lane);
    } else {
        make_plain(load, flow, &m);
    }
    burst->out.len[lane] = m.slot->len;
    burst->out.endpoint[lane] = flow->kind == FLOW_FLOOD && load->plan.spoof
                                    ? PATH_SPOOFED | (uint32_t)(m.slot->transmit >> 32 & INT32_MAX)
                                    : load_endpoint(load, m.client);
    burst->slot[lane] = m.slot == &unseen ? NULL : m.slot;
    return true;
}

// The replayed request: made in the flow's first turn, then copied.
static bool make_replay(struct load *load, unsigned lane)
{
    struct load_replay *replay = &load->replay;
    struct load_burst *burst = &load->burst;
    if (replay->slot.len == 0) {
        struct made m = {.lane = lane, .slot = &replay->slot, .payload = replay->payload};
        if (!clients_turn_with_cookie(load->clients, &m.client))
            return false;
        struct flow genuine = {.kind = FLOW_VICTIM};
        replay->slot.transmit = load_random(load);
        replay->slot.client = m.client & ((1U << WINDOW_CLIENT_BITS) - 1);
        replay->slot.flow = (uint8_t)load->picked & 15;
        replay->endpoint = load_endpoint(load, m.client);
        memcpy(replay->s2c, load->clients->client[m.client].s2c, sizeof replay->s2c);
        make_nts(load, &genuine, &m);
        load->crypto->seal(&load->lanes, lane_bit(lane));
        // Its reply brings no cookies for the jar.
        load->clients->client[m.client].in_flight--;
    }
    memcpy(burst->out.payload[lane], replay->payload, replay->slot.len);
    burst->out.len[lane] = replay->slot.len;
    burst->out.endpoint[lane] = replay->endpoint;
    burst->slot[lane] = NULL;
    return true;
}

// Counts and skips requests that are too late.
static void skip(struct load *load, uint64_t now)
{
    for (unsigned i = 0; i < SKIPS_MAX && pace_goes_on(&load->pace); i++) {
        if (pace_due(&load->pace) + BEHIND_NS > now)
            return;
        if (load->picked < 0)
            load->picked = (int)flow_pick(load->flow, load->n_flows);
        load->flow[load->picked].tally.count[TALLY_UNSENT_BEHIND]++;
        load->picked = -1;
        pace_next(&load->pace);
    }
}

static void flip_tags(struct load *load)
{
    struct load_burst *burst = &load->burst;
    for (unsigned i = 0; i < burst->n; i++)
        if (load->flow[burst->flow[i]].kind == FLOW_BAD_TAG)
            burst->out.payload[i][burst->out.len[i] - 1] ^= 1;
}

void load_out_prepare(struct load *load, uint64_t now)
{
    struct load_burst *burst = &load->burst;
    if (burst->at < burst->n)
        return;
    burst->at = burst->n = 0;
    skip(load, now);
    if (!pace_goes_on(&load->pace) || pace_due(&load->pace) > now + AHEAD_NS)
        return;

    unsigned room = path_lease(load->path, &burst->out, LANES);
    lane_set seal = 0;
    unsigned n = 0;
    while (n < room && pace_goes_on(&load->pace) && window_room(&load->window) > 0) {
        uint64_t due = pace_due(&load->pace);
        if (due > now + AHEAD_NS)
            break;
        // A bunch that does not fit as a whole goes into the next burst, so that it stays together.
        if (n > 0 && pace_begins_bunch(&load->pace) && n + load->pace.bunch > room)
            break;
        if (load->picked < 0)
            load->picked = (int)flow_pick(load->flow, load->n_flows);
        struct flow *flow = &load->flow[load->picked];
        bool made = flow->kind == FLOW_REPLAY ? make_replay(load, n) : make(load, n, due, &seal);
        if (!made && due > now)
            break; // a cookie may still come in time
        if (!made) {
            flow->tally.count[TALLY_UNSENT_COOKIE]++;
        } else {
            burst->due[n] = due;
            burst->flow[n] = (uint8_t)load->picked;
            n++;
        }
        load->picked = -1;
        pace_next(&load->pace);
    }
    burst->n = n;
    if (seal != 0)
        load->crypto->seal(&load->lanes, seal);
    flip_tags(load);
}
