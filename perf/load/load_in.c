#include "perf/load/load_in.h"

#include "base/bytes.h"
#include "base/now.h"
#include "base/ntp_time.h"
#include "dataplane/wire/ntp.h"
#include "perf/load/reply.h"
#include "perf/load/request.h"
#include "perf/load/utc.h"

// A reply that has passed the cheap checks and is not yet decrypted.
struct judged {
    struct slot *slot;
    struct reply reply;
    uint64_t stamp_ns; // the kernel's time of arrival: CLOCK_REALTIME; 0: unknown
};

static int64_t span_to_ns(int64_t span)
{
    return (span >> 32) * NS_PER_S + (int64_t)((((uint64_t)span & UINT32_MAX) * NS_PER_S) >> 32);
}

static ntp_time ntp_of(uint64_t ns_since_1970)
{
    return ntp_time_from_unix((int64_t)(ns_since_1970 / NS_PER_S),
                              (uint32_t)(ns_since_1970 % NS_PER_S));
}

// Compares an exchange with the clock that both sides read.
static void judge_time(struct load *load, const struct judged *j)
{
    const struct slot *slot = j->slot;
    // The timestamps of an interleaved reply belong to two exchanges.
    if (!slot->stamped || j->stamp_ns == 0 || j->reply.interleaved) {
        load->same_clock.unjudged++;
        return;
    }
    same_clock_judge(&load->same_clock, &(struct same_clock_exchange){
                                            .sent_ns = slot->sent_ns,
                                            .arrived_ns = j->stamp_ns,
                                            .receive = j->reply.receive,
                                            .transmit = j->reply.transmit,
                                            .precision = j->reply.precision,
                                            .dispersion = j->reply.dispersion,
                                            .at_ns = load->arrived_ns - load->pace.start_ns,
                                        });
}

// Whether transmit is before receive.
static bool is_backwards(const struct reply *reply)
{
    return reply->receive != 0 && reply->transmit != 0;
}

static void measure(struct load *load, const struct judged *j)
{
    const struct slot *slot = j->slot;
    const struct reply *reply = &j->reply;
    struct flow *flow = &load->flow[slot->flow];
    struct tally *tally = &flow->tally;
    uint64_t now = load->arrived_ns;
    uint64_t latency = now > slot->due_ns ? now - slot->due_ns : 0;
    histogram_add(&tally->latency, latency);
    if (flow_rows[flow->kind].honest)
        histogram_add(&load->interval, latency);
    if (load->plan.same_clock)
        judge_time(load, j);
    if (reply->interleaved)
        return; // its timestamps belong to two exchanges
    histogram_add(&tally->processing,
                  (uint64_t)span_to_ns((int64_t)(reply->transmit - reply->receive)));
    // RFC 5905, section 8: theta = ((T2 - T1) + (T3 - T4)) / 2.
    int64_t there = span_to_ns((int64_t)(reply->receive - ntp_of(slot->sent_ns)));
    uint64_t arrived = j->stamp_ns != 0 ? j->stamp_ns : load->arrived_utc_ns;
    int64_t back = span_to_ns((int64_t)(reply->transmit - ntp_of(arrived)));
    spread_add(&tally->offset, there / 2 + back / 2);
}

// A forged request must not be answered with a time.
static enum tally_item as_hoped(const struct flow *flow, enum tally_item item)
{
    bool forged = flow_rows[flow->kind].hope == HOPE_NAK;
    return forged && item == TALLY_ANSWERED ? TALLY_WRONG_FORGERY : item;
}

static void note_nak(struct load *load, struct slot *slot)
{
    struct client *client = &load->clients->client[slot->client];
    if (!flow_rows[load->flow[slot->flow].kind].honest || client->epoch != slot->epoch)
        return;
    // RFC 8915, section 5.7: the client makes a new NTS-KE session, so its other requests with the
    // old keys bring no cookies.
    clients_empty(load->clients, slot->client);
    client->in_flight = 0;
    load_resupply(load, slot->client);
}

// Handles a time without an authenticator.
static void note_plain(struct load *load, const struct judged *j)
{
    measure(load, j);
    load->flow[j->slot->flow].tally.count[TALLY_INTERLEAVED] += j->reply.interleaved;
    load->clients->client[j->slot->client].server_receive = j->reply.receive;
}

// Counts a reply after the deadline; its request is then late and no longer lost.
static void judge_late(struct load *load, struct slot *slot, enum tally_item item)
{
    struct flow *flow = &load->flow[slot->flow];
    slot->state = SLOT_SETTLED;
    flow->tally.count[TALLY_LOST] -= flow_hopes(flow->kind);
    flow->tally.count[item == TALLY_ANSWERED ? TALLY_LATE : item]++;
}

// Checks a reply whose request is known. True: it must still be decrypted.
static bool judge(struct load *load, const uint8_t *payload, uint32_t len, struct judged *j)
{
    struct slot *slot = j->slot;
    struct flow *flow = &load->flow[slot->flow];
    bool replayed = slot == &load->replay.slot;
    enum tally_item item =
        as_hoped(flow, reply_examine(payload, len, slot, flow->nts ? load->aead : NULL, &j->reply));
    if (slot->state == SLOT_EXPIRED) {
        judge_late(load, slot, item);
        return false;
    }
    // The client has a new session now, and the keys for this reply are gone.
    if (item == TALLY_ANSWERED && j->reply.sealed && !replayed &&
        load->clients->client[slot->client].epoch != slot->epoch)
        item = TALLY_LATE;
    if (item == TALLY_ANSWERED && j->reply.sealed) {
        slot->state = replayed ? SLOT_WAITING : SLOT_OPENING;
        return true;
    }
    flow->tally.count[item]++;
    if (item == TALLY_WRONG_TIME && load->plan.same_clock && is_backwards(&j->reply))
        judge_time(load, j);
    if (replayed)
        return false;
    load_settle(load, slot, SLOT_SETTLED);
    if (item == TALLY_ANSWERED)
        note_plain(load, j);
    else if (item == TALLY_NAK)
        note_nak(load, slot);
    return false;
}

// Finds the request of a reply; otherwise counts the reply and returns NULL.
static struct slot *find(struct load *load, const uint8_t *payload, uint32_t len, uint32_t endpoint)
{
    if (!reply_has_length(len)) {
        load->stray.count[TALLY_WRONG_LENGTH]++;
        return NULL;
    }
    uint64_t origin = reply_origin(payload);
    struct slot *slot = window_at(&load->window, origin);
    if (load->replay.slot.len > 0 && origin == load->replay.slot.transmit)
        return &load->replay.slot;
    bool interleaved = slot->interleaved && origin == (slot->transmit ^ REQUEST_INTERLEAVED_MARK);
    if (slot->state == SLOT_FREE || (origin != slot->transmit && !interleaved)) {
        load->stray.count[TALLY_WRONG_ORIGIN]++;
        return NULL;
    }
    struct tally *tally = &load->flow[slot->flow].tally;
    if (slot->state == SLOT_SETTLED || slot->state == SLOT_OPENING) {
        tally->count[TALLY_WRONG_DUPLICATE]++;
        return NULL;
    }
    if (endpoint == load_endpoint(load, slot->client))
        return slot;
    if (slot->state == SLOT_EXPIRED) {
        judge_late(load, slot, TALLY_WRONG_MISDIRECTED);
    } else {
        tally->count[TALLY_WRONG_MISDIRECTED]++;
        load_settle(load, slot, SLOT_SETTLED);
    }
    return NULL;
}

// Stores the cookies of a decrypted reply. Returns the reply's outcome.
static enum tally_item harvest(struct load *load, const struct slot *slot, const uint8_t *plain,
                               uint32_t len)
{
    const uint8_t *cookie[CLIENT_JAR];
    unsigned n = 0;
    if (!reply_cookies(plain, len, load->clients->cookie_len, slot->asked, cookie, &n))
        return TALLY_WRONG_COOKIES;
    struct client *client = &load->clients->client[slot->client];
    if (client->epoch == slot->epoch && !load->clients->reuse && slot != &load->replay.slot)
        for (unsigned i = 0; i < n; i++)
            load->flow[slot->flow].tally.count[TALLY_COOKIES] +=
                clients_keep(load->clients, slot->client, cookie[i]);
    return TALLY_ANSWERED;
}

// Prepares the reply in a lane for decryption. False when the lanes do not support its shape.
static bool prepare_lane(struct load *load, unsigned lane, const uint8_t *payload, struct judged *j)
{
    struct client *client = &load->clients->client[j->slot->client];
    const struct authenticator *seal = &j->reply.seal;
    struct client_lanes *s = &load->lanes;
    s->key[lane] = j->slot == &load->replay.slot ? load->replay.s2c : client->s2c;
    s->ad[lane] = payload;
    s->ad_len[lane] = j->reply.covered;
    s->nonce[lane] = payload + seal->nonce_at;
    s->sealed[lane] = payload + seal->sealed_at;
    s->plain[lane] = load->plain[lane];
    s->len[lane] = (uint16_t)(seal->sealed_len - load->aead->lengths->tag);
    return seal->nonce_len == load->aead->lengths->nonce && s->len[lane] >= CLIENT_LANES_LEN_MIN;
}

static bool open_alone(struct load *load, unsigned lane, struct judged *j)
{
    struct client_lanes *s = &load->lanes;
    struct bytes_span ad = {s->ad[lane], s->ad_len[lane]};
    struct bytes_span nonce = {s->nonce[lane], j->reply.seal.nonce_len};
    return load->aead->open(s->key[lane], ad, nonce, s->sealed[lane], j->reply.seal.sealed_len,
                            s->plain[lane]);
}

static void close_lane(struct load *load, unsigned lane, struct judged *j, bool checked,
                       bool genuine)
{
    struct slot *slot = j->slot;
    struct tally *tally = &load->flow[slot->flow].tally;
    enum tally_item item =
        genuine ? harvest(load, slot, load->plain[lane], load->lanes.len[lane]) : TALLY_WRONG_TAG;
    tally->count[item]++;
    tally->count[TALLY_VERIFIED] += checked && item == TALLY_ANSWERED;
    if (slot == &load->replay.slot)
        return;
    load_settle(load, slot, SLOT_SETTLED);
    if (item == TALLY_ANSWERED)
        measure(load, j);
}

// One authenticator in `verify` is verified; the others are only decrypted, for their cookies.
static bool is_sampled(struct load *load)
{
    if (++load->verify_turn < load->plan.verify)
        return false;
    load->verify_turn = 0;
    return true;
}

// Decrypts the lanes: verified, only decrypted, or one by one.
struct sealed {
    lane_set checked, blind, alone;
};

static void open_all(struct load *load, struct judged *judged, struct sealed sealed)
{
    lane_set genuine = sealed.blind;
    if (sealed.checked != 0)
        genuine |= load->crypto->open(&load->lanes, sealed.checked);
    if (sealed.blind != 0)
        load->crypto->decrypt(&load->lanes, sealed.blind);
    for (lane_set rest = sealed.alone; rest != 0;) {
        unsigned lane = lane_take(&rest);
        genuine |= open_alone(load, lane, &judged[lane]) ? lane_bit(lane) : 0;
    }
    for (lane_set rest = sealed.checked | sealed.blind | sealed.alone; rest != 0;) {
        unsigned lane = lane_take(&rest);
        close_lane(load, lane, &judged[lane], (sealed.blind & lane_bit(lane)) == 0,
                   (genuine & lane_bit(lane)) != 0);
    }
}

// Stores when requests left. A request that is sent again after a failure keeps its first stamp,
// because the server may have received the first one.
static void take_stamps(struct load *load)
{
    struct path_sent sent;
    unsigned n;
    while ((n = path_sent(load->path, &sent)) > 0)
        for (unsigned i = 0; i < n; i++) {
            uint64_t transmit =
                sent.len[i] < NTP_LEN ? 0 : be64_get(sent.payload[i] + NTP_TRANSMIT);
            struct slot *slot = window_at(&load->window, transmit);
            if (slot->transmit != transmit || slot->state == SLOT_FREE || slot->stamped)
                continue;
            slot->sent_ns = sent.stamp_ns[i];
            slot->stamped = true;
        }
}

unsigned load_in_receive(struct load *load)
{
    struct path_in in;
    struct judged judged[LANES];
    struct sealed sealed = {0};
    unsigned n = path_receive(load->path, &in);
    // Called after the replies were received: the requests of these replies have left by then.
    if (load->plan.same_clock)
        take_stamps(load);
    if (n == 0)
        return 0;
    load->arrived_ns = now_ns();
    load->arrived_utc_ns = utc_now_ns();
    for (unsigned i = 0; i < n; i++) {
        struct judged *j = &judged[i];
        j->stamp_ns = load->plan.same_clock ? in.stamp_ns[i] : 0;
        j->slot = find(load, in.payload[i], in.len[i], in.endpoint[i]);
        if (!j->slot || !judge(load, in.payload[i], in.len[i], j))
            continue;
        if (!prepare_lane(load, i, in.payload[i], j))
            sealed.alone |= lane_bit(i);
        else if (is_sampled(load))
            sealed.checked |= lane_bit(i);
        else
            sealed.blind |= lane_bit(i);
    }
    open_all(load, judged, sealed);
    path_release(load->path, &in, n);
    return n;
}
