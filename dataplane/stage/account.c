// Counters of a turn.
#include "dataplane/stage/account.h"

#include <string.h>

// Full bursts matter for speed: over all lanes the compiler adds several values at a time.

static uint64_t octets(const uint16_t len[LANES], lane_set lanes)
{
    uint32_t sum = 0;
    if (lanes == lane_first(LANES)) {
        for (unsigned i = 0; i < LANES; i++)
            sum += len[i];
        return sum;
    }
    while (lanes != 0)
        sum += len[lane_take(&lanes)];
    return sum;
}

static uint64_t cookies(const uint8_t n[LANES], lane_set lanes)
{
    uint32_t sum = 0;
    if (lanes == lane_first(LANES)) {
        for (unsigned i = 0; i < LANES; i++)
            sum += n[i];
        return sum;
    }
    while (lanes != 0)
        sum += n[lane_take(&lanes)];
    return sum;
}

// A lane counts under one cause, even if a burst that was composed twice found two.
static void count_naks(struct core_counters *counters, const struct batch *batch)
{
    lane_set left = batch->ended[ANSWERED_NAK];
    for (unsigned i = 0; i < NAK_CAUSES; i++) {
        counter_add(&counters->nak[i], lane_count(batch->nak[i] & left));
        left &= ~batch->nak[i];
    }
    // The first cause, so these lanes have no other.
    uint32_t n[KEY_HINTS + 1] = {0};
    for (lane_set unknown = batch->ended[ANSWERED_NAK] & batch->nak[NAK_UNKNOWN_KEY]; unknown != 0;)
        n[batch->hint[lane_take(&unknown)]]++;
    for (unsigned kind = 0; kind < KEY_HINTS; kind++)
        counter_add(&counters->hint[kind], n[kind]);
}

uint64_t account(struct core_counters *counters, struct batch *batch, lane_set all,
                 struct kinds requested, lane_set doubted, lane_set answer, lane_set sent)
{
    batch->ended[ANSWERED_PLAIN] = sent & requested.plain & ~batch->kissed;
    batch->ended[ANSWERED_KISS] = sent & batch->kissed;
    batch->ended[ANSWERED_NAK] = sent & doubted;
    batch->ended[ANSWERED_NTS] = sent & ~requested.plain & ~doubted;
    batch->ended[DROPPED_TX_FULL] = answer & ~sent;

    counter_add(&counters->frames_received, lane_count(all));
    counter_add(&counters->octets_received, octets(batch->burst.len, all));
    counter_add(&counters->octets_sent, octets(batch->burst.reply_len, sent));
    const uint64_t sealed = cookies(batch->n_cookies, batch->ended[ANSWERED_NTS]);
    counter_add(&counters->cookies_sealed, sealed);
    counter_add(&counters->slow_path, lane_count(requested.slow));
    for (unsigned i = 0; i < OUTCOMES; i++) {
        if (batch->ended[i] != 0)
            counter_add(&counters->outcome[i], lane_count(batch->ended[i]));
    }
    if (batch->ended[ANSWERED_NAK] != 0)
        count_naks(counters, batch);
    return sealed;
}

// After a rotation nearly all lanes are older for a while: one addition a key.
static void account_older(struct key_counters *counters, const uint8_t *row,
                          const struct batch *batch, lane_set older)
{
    uint8_t n[COOKIE_KEYS_MAX] = {0}; // up to LANES, 64
    while (older != 0)
        n[batch->key[lane_take(&older)]]++;
    for (unsigned i = 0; i < COOKIE_KEYS_MAX; i++)
        if (n[i] != 0)
            counter_add(&counters->row[row[i]].opened, n[i]);
}

void account_keys(struct key_counters *counters, const uint8_t *row, uint32_t current,
                  const struct batch *batch, uint64_t sealed)
{
    const lane_set opened = batch->ended[ANSWERED_NTS];
    struct key_counter *of_current = &counters->row[row[current]];
    counter_add(&of_current->sealed, sealed);
    counter_add(&of_current->opened, lane_count(opened & ~batch->older));
    if ((opened & batch->older) != 0)
        account_older(counters, row, batch, opened & batch->older);
}

void account_interleaved(struct core_counters *counters, const struct batch *batch,
                         lane_set interleaved, lane_set exact)
{
    lane_set answered = batch->ended[ANSWERED_PLAIN] | batch->ended[ANSWERED_NTS];
    lane_set asked = batch->interleaved & answered;
    if (asked == 0)
        return;
    counter_add(&counters->interleaved, lane_count(asked & interleaved));
    counter_add(&counters->interleaved_basic, lane_count(asked & ~interleaved));
    counter_add(&counters->departures_unasked, lane_count(asked & ~exact));
}

void account_clients(struct unique_counter *clients, const struct batch *batch, lane_set lanes)
{
    // The octets of a source that make a client, as they are loaded: 4 of IPv4, 8 of IPv6.
    static const uint64_t client[] = {[4] = UINT32_MAX, [6] = UINT64_MAX};
    if (clients == NULL)
        return;
    unique_follow(clients);
    const struct unique_key key = clients->windows->key;
    struct unique_half *half = unique_half(clients);
    while (lanes != 0) {
        const unsigned i = lane_take(&lanes);
        const struct datagram *d = &batch->datagram[i];
        uint64_t source;
        memcpy(&source, frame_source(batch->burst.frame[i], d), sizeof source);
        unique_count(half, unique_hash(key, source & client[d->ip_version]));
    }
}
