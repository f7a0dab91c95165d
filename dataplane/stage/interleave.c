// Which requests ask, what they get, and what is remembered for the next time.
#include "dataplane/stage/interleave.h"

#include "base/bytes.h"
#include "dataplane/wire/ntp.h"

// A ticket is a receive timestamp whose tag says instead whether the reply was one with NTS.
enum { TICKET_NTS = 1 };

void interleave_open(struct interleave *interleave, const struct tables *tables, uint32_t number,
                     struct receive_stamps *stamps)
{
    *interleave = (struct interleave){.tables = tables};
    if (tables)
        interleave->own = tables->of[number];
    *stamps = (struct receive_stamps){
        .mask = tables_mask(tables ? tables->n_queues : 1),
        .tag = tables_tag(tables ? number : 0),
    };
}

void interleave_follow(struct interleave *interleave, uint32_t generation, uint64_t tsc)
{
    if (interleave->generation == generation)
        return;
    interleave->generation = generation;
    interleave->since = tsc;
}

// Below the RFC's sentences: "the server MUST NOT respond in the interleaved mode unless the
// request meets both of these conditions". The second one, "the origin timestamp of the request
// matches a receive timestamp that is saved", is the lookup. Like chronyd, only of version 4.
static bool asks(const uint8_t *request)
{
    return ntp_version(request[NTP_LEAP_VERSION_MODE]) == NTP_VERSION_4 &&
           be64_get(request + NTP_RECEIVE) != be64_get(request + NTP_TRANSMIT);
}

static struct table *table_of(struct table_pair *pair, bool nts)
{
    return nts ? &pair->nts : &pair->plain;
}

// The table in which a request's answer may be, or NULL.
static struct table *asked_table(const struct interleave *interleave, ntp_time origin, bool nts)
{
    struct table_pair *pair = tables_find(interleave->tables, origin);
    return pair ? table_of(pair, nts) : NULL;
}

// The lanes that ask, with their cache lines on the way.
static lane_set asking(const struct interleave *interleave, const struct batch *batch,
                       lane_set lanes, lane_set nts)
{
    lane_set asking = 0;
    while (lanes != 0) {
        unsigned i = lane_take(&lanes);
        const uint8_t *request = batch_request(batch, i);
        if (!asks(request))
            continue;
        asking |= lane_bit(i);
        ntp_time origin = be64_get(request + NTP_ORIGIN);
        const struct table *table = asked_table(interleave, origin, (nts & lane_bit(i)) != 0);
        if (table)
            table_prefetch(table, interleave->generation, origin);
    }
    return asking;
}

lane_set interleave_find(const struct interleave *interleave, struct batch *batch,
                         struct kinds requested)
{
    lane_set found = 0;
    lane_set lanes = interleave->tables ? batch->interleaved & kinds_all(requested) : 0;
    if (lanes != 0)
        lanes = asking(interleave, batch, lanes, kinds_nts(requested));
    batch->interleaved = lanes;
    while (lanes != 0) {
        unsigned i = lane_take(&lanes);
        ntp_time origin = be64_get(batch_request(batch, i) + NTP_ORIGIN);
        struct table *table = asked_table(interleave, origin, (requested.plain & lane_bit(i)) == 0);
        ntp_time departure = table ? table_take(table, interleave->generation, origin) : 0;
        batch->earlier[i] = departure;
        found |= departure != 0 ? lane_bit(i) : 0;
    }
    return found;
}

void interleave_write(struct batch *batch, lane_set found)
{
    while (found != 0) {
        unsigned i = lane_take(&found);
        // RFC 9769, section 2: origin is the request's receive timestamp, transmit is when the
        // earlier reply left. Receive stays that of this request.
        memcpy(batch_reply(batch, i) + NTP_ORIGIN, batch_request(batch, i) + NTP_RECEIVE, 8);
        be64_put(batch_reply(batch, i) + NTP_TRANSMIT, batch->earlier[i]);
    }
}

void interleave_undo(struct batch *batch, lane_set doubted)
{
    while (doubted != 0) {
        unsigned i = lane_take(&doubted);
        uint8_t *reply = batch_reply(batch, i);
        memcpy(reply + NTP_ORIGIN, batch_request(batch, i) + NTP_TRANSMIT, 8);
        be64_put(reply + NTP_TRANSMIT, be64_get(reply + NTP_RECEIVE) + 1);
    }
}

// One more, if the budget allows it.
static bool spend(struct interleave_budget *budget, uint64_t tsc, uint64_t tsc_hz)
{
    const uint64_t each = tsc_hz / INTERLEAVE_RATE_MAX;
    const uint64_t full = tsc - INTERLEAVE_BURST_MAX * each;
    if ((int64_t)(budget->empty - full) < 0)
        budget->empty = full;
    if ((int64_t)(tsc - budget->empty) < (int64_t)each)
        return false;
    budget->empty += each;
    return true;
}

void interleave_choose(struct interleave *interleave, struct batch *batch, lane_set answer,
                       lane_set plain, uint64_t tsc, uint64_t tsc_hz)
{
    struct burst *burst = &batch->burst;
    lane_set wanted = batch->interleaved & answer;
    burst->exact = 0;
    // Those with NTS first: requests that anyone can forge must not take their places.
    for (lane_set rest[] = {wanted & ~plain, wanted & plain}; (rest[0] | rest[1]) != 0;) {
        bool nts = rest[0] != 0;
        unsigned i = lane_take(nts ? &rest[0] : &rest[1]);
        if (lane_count(burst->exact) == INTERLEAVE_PART_MAX ||
            !spend(nts ? &interleave->nts : &interleave->plain, tsc, tsc_hz))
            continue;
        uint64_t receive = be64_get(batch_reply(batch, i) + NTP_RECEIVE);
        burst->ticket[i] = (receive & ~UINT64_C(1)) | (nts ? TICKET_NTS : 0);
        burst->exact |= lane_bit(i);
    }
}

// A secret for the table, when the generator has been seeded.
static bool make_ready(struct table *table, struct rng *rng)
{
    uint64_t secret;
    if (table_is_ready(table))
        return true;
    if (!rng_ready(rng))
        return false;
    rng_fill(rng, (uint8_t *)&secret, sizeof secret);
    table_set_secret(table, secret | 1);
    return true;
}

bool interleave_remember(struct interleave *interleave, uint64_t ticket, ntp_time departure,
                         uint64_t left, struct rng *rng)
{
    // A reply that left before a step has a receive timestamp of the time before the step.
    departure &= ~UINT64_C(1); // transmit timestamps are even
    if (departure == 0 || (int64_t)(left - interleave->since) < 0)
        return false;
    struct table *table = table_of(interleave->own, (ticket & TICKET_NTS) != 0);
    if (!make_ready(table, rng))
        return false;
    table_save(table, interleave->generation, ticket | 1, departure);
    return true;
}
