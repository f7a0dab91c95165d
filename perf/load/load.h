// A load: clients that send requests to a server at a given rate, open loop, and check every reply.
// This file has the state that its parts share: load_run.h runs it, load_out.h makes its requests,
// load_in.h checks its replies.
//
// A struct load belongs to the thread that runs it. Others may read `rows` and set `stop`.
#pragma once

#include "crypto/aead.h"
#include "crypto/client_lanes.h"
#include "crypto/rng.h"
#include "perf/load/client.h"
#include "perf/load/flow.h"
#include "perf/load/pace.h"
#include "perf/load/same_clock.h"
#include "perf/load/window.h"
#include "perf/path/path.h"

#include <stdatomic.h>

enum {
    LOAD_ROWS_MAX = 4096,
    LOAD_AUTO = -1, // placeholders: as many as the jar lacks
};

// The source of new sessions for clients without cookies (ke_refill.h in the program).
struct supply {
    void *with; // NULL: there is none
    // Requests a session for the client; false when no more can be requested now. Never blocks.
    bool (*request)(void *with, uint32_t client);
    // Gives new keys and cookies to the clients whose sessions are ready. Never blocks.
    void (*take)(void *with, struct clients *clients, void (*equipped)(void *, uint32_t), void *by);
};

struct load_plan {
    double from, to; // requests per second at the start and at the end
    uint64_t span_ns;
    uint64_t timeout_ns; // a later reply is late
    bool poisson;
    // In the first burst_len_ns of each burst_every_ns since 1970 the rate is burst_factor times as
    // high; burst_every_ns 0: never.
    uint64_t burst_every_ns, burst_len_ns;
    double burst_factor;
    unsigned bunch;    // number of requests that are due at the same moment; 1 or more
    bool interleaved;  // plain requests request it
    bool same_clock;   // the server reads this machine's clock, and the path has stamps
    bool spoof;        // the flood comes from the path's spoofed addresses
    int placeholders;  // 0 to 7, or LOAD_AUTO
    uint32_t verify;   // one authenticator in this many is verified; 1: all
    uint64_t storm_ns; // after this time all cookies are made invalid; 0: never
};

// The counts of about a second; of several seconds if a run has too many for LOAD_ROWS_MAX rows.
struct load_row {
    double at_s;       // its end, from the start on
    double span_s;     //
    uint64_t sent;     // of the honest flows, like all fields below
    uint64_t answered; //
    uint64_t lost;     // including late ones
    uint64_t wrong;    //
    uint64_t p50, p99; // ns
};

// How the tester itself performed.
struct load_self {
    uint64_t idle_ns;    // time of turns without work
    uint64_t span_ns;    // from the first request to the last reply or deadline
    uint64_t blocked_ns; // time of turns in which the path accepted no due request
    uint64_t sent_late;  // requests that left more than LOAD_LATE_NS after they were due
    uint64_t stalls;     // times that the thread did not run for more than LOAD_LATE_NS
    uint64_t stalled_ns; //
    uint64_t missed;     // replies lost on the tester's side
};

enum { LOAD_LATE_NS = 1000000 };

struct load_storm {
    uint64_t at_ns; // 0: not yet
    uint32_t struck;
    uint32_t recovered;      // clients that have new keys
    struct histogram needed; // ns from the storm to new keys
};

// The request that is repeated.
struct load_replay {
    struct slot slot; // len 0: not made yet
    uint32_t endpoint;
    uint8_t s2c[AEAD_KEY_MAX]; // of the client's session at that time
    uint8_t payload[PATH_PAYLOAD_MAX];
};

// The burst that is prepared and not yet sent.
struct load_burst {
    struct path_out out;
    unsigned n, at; // at: the next one to send
    uint64_t due[LANES];
    struct slot *slot[LANES]; // NULL: no reply is expected
    uint8_t flow[LANES];
};

struct load {
    // Set by the owner before load_run.
    struct load_plan plan;
    struct path *path;
    const struct aead *aead;             // of all sessions; NULL: no NTS
    const struct client_variant *crypto; // of that AEAD
    struct clients *clients;
    struct supply supply;
    struct rng *rng;
    struct flow *flow;
    unsigned n_flows;
    const _Atomic bool *stop;

    // The result.
    struct tally stray; // replies that belong to no request
    struct load_self self;
    struct load_storm storm;
    struct same_clock same_clock;
    struct load_row *row;      // LOAD_ROWS_MAX of them
    _Atomic unsigned rows;     // writer: the load's thread; reader: the thread that shows progress
    struct histogram interval; // latency in the current row

    // Private.
    struct window window;
    struct pace pace;
    struct load_burst burst;
    struct load_replay replay;
    struct client_lanes lanes;
    uint32_t block; // number of neighbouring clients that share an endpoint
    int picked;     // the flow of the next request, or -1
    uint32_t verify_turn;
    uint32_t elephant;       // counts the requests of elephants
    uint64_t arrived_ns;     // of the burst that is being checked: CLOCK_MONOTONIC
    uint64_t arrived_utc_ns; // and CLOCK_REALTIME
    bool refused;            // the last send accepted less than was due
    uint64_t last_sent_ns;
    uint8_t plain[LANES][PATH_PAYLOAD_MAX + CLIENT_LANES_BLOCK]; // decrypted replies
};

// The endpoint that a client sends from.
static inline uint32_t load_endpoint(const struct load *load, uint32_t client)
{
    return client / load->block % load->path->n_endpoints;
}

static inline uint64_t load_random(struct load *load)
{
    uint64_t word;
    rng_fill(load->rng, (uint8_t *)&word, sizeof word);
    return word;
}

// Requests a new session if a client has no cookies and no request in flight that may bring some.
static inline void load_resupply(struct load *load, uint32_t number)
{
    struct client *client = &load->clients->client[number];
    if (client->n_cookies > 0 || client->in_flight > 0 || client->renewing || !load->supply.with)
        return;
    client->renewing = load->supply.request(load->supply.with, number);
}

// A request has ended: it will bring no more cookies. (Inline, because it runs once per reply.)
static inline void load_settle(struct load *load, struct slot *slot, enum slot_state state)
{
    struct flow *flow = &load->flow[slot->flow];
    slot->state = (uint8_t)state;
    if (!flow->nts || !flow_rows[flow->kind].honest)
        return;
    struct client *client = &load->clients->client[slot->client];
    if (client->epoch == slot->epoch)
        client->in_flight -= client->in_flight > 0;
    load_resupply(load, slot->client);
}
