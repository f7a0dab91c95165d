// The three accounts.
#include "dataplane/stage/admit.h"

#include "base/bytes.h"
#include "crypto/cookie_key.h"

#include <string.h>

static_assert(ADMIT_HOT == 1 << 10, "ten bits of a nonce choose its place");

void admit_open(struct admit *admit, struct admit_tables *zeros, struct limited_sources *limited)
{
    memset(admit, 0, sizeof *admit);
    limiter_open(&admit->plain, zeros->plain, ADMIT_PLAIN_LINES_LOG2);
    limiter_open(&admit->session, zeros->session, ADMIT_SESSION_LINES_LOG2);
    admit->hot = zeros->hot;
    admit->limited = limited;
}

// Accounts that were made with the old secrets are not found again, and decay.
static void take_secrets(struct admit *admit, uint64_t tsc, struct rng *rng)
{
    struct limiter *const limiter[] = {&admit->plain, &admit->session};
    for (unsigned i = 0; i < 2; i++) {
        uint64_t secret[LIMITER_SECRETS + 1];
        rng_fill(rng, (uint8_t *)secret, sizeof secret);
        limiter_set_secret(limiter[i], secret, secret[LIMITER_SECRETS]);
        bytes_wipe(secret, sizeof secret);
    }
    rng_fill(rng, admit->sessions.veil, sizeof admit->sessions.veil);
    if (!admit->ready) // all budgets are full
        admit->kisses.empty = admit->naks.empty = admit->nak_leak.empty = tsc - UINT64_MAX / 4;
    admit->keyed = tsc;
    admit->ready = true;
}

static void set_pace(struct admit_pace *pace, struct admit_rate rate, const struct admit_turn *turn)
{
    const uint64_t ticks = turn->tsc_hz / LIMITER_STEPS / rate.per_second * rate.burst;
    if (pace->rate.per_second != rate.per_second || pace->rate.burst != rate.burst)
        pace->since = turn->tsc;
    pace->rate = rate;
    pace->tsc_hz = turn->tsc_hz;
    pace->each = ticks == 0 ? 1 : ticks;
    pace->price = limiter_price_of(rate.burst);
}

// The step of time now. Steps are counted on and not computed from the TSC: a reload changes their
// length, and so does each new measurement of the TSC's rate, a little. Counts must outlive both.
static uint32_t step_of(struct admit_pace *pace, struct admit_rate rate,
                        const struct admit_turn *turn)
{
    if (pace->tsc_hz != turn->tsc_hz || pace->rate.per_second != rate.per_second ||
        pace->rate.burst != rate.burst)
        set_pace(pace, rate, turn);
    const uint64_t passed = turn->tsc - pace->since;
    if (passed < pace->each)
        return pace->step;
    if (passed > INT64_MAX) { // the TSC went back
        pace->since = turn->tsc;
        return pace->step;
    }
    const uint64_t steps = passed / pace->each;
    pace->since += steps * pace->each;
    pace->step += steps < INT32_MAX ? (uint32_t)steps : INT32_MAX;
    return pace->step;
}

// Takes up to n from a budget, of which a tenth of a second's may go at once; returns how many.
static unsigned spend(struct admit_budget *budget, uint32_t per_second,
                      const struct admit_turn *turn, unsigned n)
{
    if (per_second == 0)
        return 0;
    const uint64_t each = turn->tsc_hz / per_second + 1; // not 0
    const uint64_t full = turn->tsc - (per_second + 9) / 10 * each;
    if ((int64_t)(budget->empty - full) < 0)
        budget->empty = full;
    if ((int64_t)(turn->tsc - budget->empty) < 0) // the TSC went back
        budget->empty = turn->tsc;
    const uint64_t left = (turn->tsc - budget->empty) / each;
    if (n > left)
        n = (unsigned)left;
    budget->empty += n * each;
    return n;
}

// The octets of a source that make its network and its host, as they are loaded. IPv4: /24 and /32.
// IPv6: /48 and /64, since a host has a whole /64.
static const struct {
    union {
        uint8_t octet[8];
        uint64_t word;
    } network, host;
} levels[] = {
    [4] = {.network = {{255, 255, 255}}, .host = {{0, 0, 0, 255}}},
    [6] = {.network = {{255, 255, 255, 255, 255, 255}}, .host = {{0, 0, 0, 0, 0, 0, 255, 255}}},
};

// Both families by the same instructions: nobody could predict which one is next.
static inline void find_source(const struct admit *admit, const struct batch *batch, unsigned lane,
                               struct limiter_place *place)
{
    const struct datagram *d = &batch->datagram[lane];
    uint64_t source; // of IPv4, what follows it in the header, too
    memcpy(&source, frame_source(batch->burst.frame[lane], d), sizeof source);
    const uint64_t network = source & levels[d->ip_version].network.word;
    limiter_find(&admit->plain, network ^ (uint64_t)d->ip_version << 56,
                 source & levels[d->ip_version].host.word, place);
}

// All hashes first, then all lines: each is in the cache when its turn comes, and a source that has
// several lanes in the burst is charged for each in turn.
static lane_set find_over(struct admit *admit, const struct admit_turn *turn,
                          const struct batch *batch, lane_set lanes, lane_set *known)
{
    struct limiter_place place[LANES];
    const uint32_t now = step_of(&admit->plain_pace, turn->settings->plain, turn);
    for (lane_set left = lanes; left != 0;) {
        unsigned i = lane_take(&left);
        find_source(admit, batch, i, &place[i]);
    }
    return limiter_charge_lanes(&admit->plain, place, lanes, admit->plain_pace.price, now, known);
}

// Of the lanes above their limit: which are answered all the same.
static lane_set leak(struct admit *admit, const struct admit_settings *settings, lane_set over)
{
    lane_set leaked = 0;
    while (over != 0) {
        unsigned i = lane_take(&over);
        if (limiter_random(&admit->plain) % ADMIT_LEAK_ONE < settings->leak)
            leaked |= lane_bit(i);
    }
    return leaked;
}

// Of each limit: how the lanes end that it refuses, and where a dry run counts them.
static const struct {
    enum outcome outcome;
    size_t dry;
} ends[LIMITED_KINDS] = {
    [LIMITED_PLAIN] = {DROPPED_PLAIN_LIMIT, offsetof(struct core_counters, dry_plain)},
    [LIMITED_SESSION] = {DROPPED_SESSION_LIMIT, offsetof(struct core_counters, dry_session)},
    [LIMITED_NAK] = {DROPPED_NAK_LIMIT, offsetof(struct core_counters, dry_nak)},
    [LIMITED_OVERLOAD] = {DROPPED_OVERLOAD, offsetof(struct core_counters, dry_overload)},
};

// A sample of the refused sources, for noonmarkctl limits.
static void note_sources(struct admit *admit, const struct admit_turn *turn,
                         const struct batch *batch, lane_set lanes, enum limited_by by)
{
    while (lanes != 0) {
        unsigned i = lane_take(&lanes);
        if (limiter_random(&admit->plain) % LIMITED_SAMPLE != 0)
            continue;
        const struct datagram *d = &batch->datagram[i];
        const uint8_t *source = frame_source(batch->burst.frame[i], d);
        const bool v6 = d->ip_version != 4;
        const struct limited_source refused = {
            .prefix = v6 ? be64_get(source) : be32_get(source),
            .v6 = v6,
            .by = by,
            .tsc = turn->tsc,
        };
        limited_note(admit->limited, &refused, LIMITED_SAMPLE);
    }
}

// Ends these lanes, or counts that they would end; such lanes are not judged again.
static lane_set end(struct admit *admit, const struct admit_turn *turn, struct batch *batch,
                    lane_set lanes, enum limited_by by)
{
    if (lanes != 0 && admit->limited != NULL)
        note_sources(admit, turn, batch, lanes, by);
    if (turn->settings->dry_run) {
        counter_add((_Atomic uint64_t *)((uint8_t *)turn->counters + ends[by].dry),
                    lane_count(lanes));
        admit->spared |= lanes;
        return 0;
    }
    batch->ended[ends[by].outcome] |= lanes;
    return lanes;
}

static __attribute__((noinline)) lane_set refuse_plain(struct admit *admit,
                                                       const struct admit_turn *turn,
                                                       struct batch *batch, lane_set over_limit)
{
    const struct admit_settings *settings = turn->settings;
    const lane_set leaked = leak(admit, settings, over_limit);
    lane_set kissed = 0;
    over_limit &= ~leaked;
    if (settings->kod && admit->rung == OVERLOAD_NONE)
        kissed = lane_lowest(
            over_limit, spend(&admit->kisses, ADMIT_KISSES_A_SECOND, turn, lane_count(over_limit)));
    if (!settings->dry_run) {
        counter_add(&turn->counters->leaked_plain, lane_count(leaked));
        batch->kissed |= kissed;
    }
    return end(admit, turn, batch, over_limit & ~kissed, LIMITED_PLAIN);
}

static enum overload_rung climb(struct admit *admit, const struct admit_turn *turn)
{
    const enum overload_rung rung =
        overload_note(&admit->pressure, turn->tsc, turn->tsc_hz, turn->full);
    if (rung != OVERLOAD_NONE) {
        struct core_counters *counters = turn->counters;
        counter_add(&counters->overload[rung - 1], 1);
        atomic_store_explicit(&counters->overload_rung, rung, memory_order_relaxed);
        atomic_store_explicit(&counters->overload_tsc, turn->tsc, memory_order_relaxed);
    }
    return rung;
}

// The second and third rung of the ladder. known: lanes whose source has an account.
static __attribute__((noinline)) lane_set shed(struct admit *admit, const struct admit_turn *turn,
                                               struct batch *batch, lane_set plain, lane_set known)
{
    const bool all = admit->rung == OVERLOAD_SHARE;
    const uint32_t share = overload_share(&admit->pressure, turn->tsc_hz);
    lane_set shed = 0;
    for (lane_set left = all ? plain : plain & known; left != 0;) {
        unsigned i = lane_take(&left);
        const uint64_t random = limiter_random(&admit->plain);
        const bool leaks = (random >> 32) % ADMIT_LEAK_ONE < turn->settings->leak;
        const bool stays = !all || random % OVERLOAD_ONE < share;
        if (!stays || ((known & lane_bit(i)) != 0 && !leaks))
            shed |= lane_bit(i);
    }
    return end(admit, turn, batch, shed, LIMITED_OVERLOAD);
}

// The nonce of a lane's cookie: 16 octets, of which the first eight are used. NULL: the cookie is
// too short to be ours.
static const uint8_t *nonce_of(const struct batch *batch, unsigned lane)
{
    const struct field *cookie = &batch->fields[lane].cookie;
    if (cookie->len < COOKIE_NONCE_AT + COOKIE_NONCE_LEN)
        return NULL;
    return batch_request(batch, lane) + cookie->at + FIELD_HEADER_LEN + COOKIE_NONCE_AT;
}

static inline struct admit_hot *hot_place(const struct admit *admit, const uint8_t *nonce)
{
    return &admit->hot[be32_get(nonce + 4) % ADMIT_HOT];
}

// Still hot at that step?
static inline bool is_until(uint32_t until, uint32_t now)
{
    return until - now - 1 < ADMIT_HOT_STEPS;
}

static void note_hot(struct admit *admit, const struct batch *batch, unsigned lane, uint32_t now)
{
    const uint8_t *nonce = nonce_of(batch, lane);
    *hot_place(admit, nonce) =
        (struct admit_hot){.nonce = be32_get(nonce), .until = now + ADMIT_HOT_STEPS};
    admit->last_hot = now + ADMIT_HOT_STEPS;
}

static __attribute__((noinline)) lane_set find_hot_cookies(const struct admit *admit,
                                                           const struct batch *batch,
                                                           lane_set requested, uint32_t now)
{
    lane_set hot = 0;
    while (requested != 0) {
        unsigned i = lane_take(&requested);
        const uint8_t *nonce = nonce_of(batch, i);
        const struct admit_hot *place = nonce != NULL ? hot_place(admit, nonce) : NULL;
        if (place != NULL && place->nonce == be32_get(nonce) && is_until(place->until, now))
            hot |= lane_bit(i);
    }
    return hot;
}

struct kinds admit(struct admit *admit, const struct admit_turn *turn, struct batch *batch,
                   struct kinds kinds, struct rng *rng)
{
    const struct admit_settings *settings = turn->settings;
    if (!admit->ready || (turn->tsc - admit->keyed) / ADMIT_SECRETS_LAST_S > turn->tsc_hz) {
        if (!rng_ready(rng))
            return kinds;
        take_secrets(admit, turn->tsc, rng);
    }
    lane_set ended = 0;
    admit->spared = 0;
    admit->rung = settings->overload ? climb(admit, turn) : OVERLOAD_NONE;
    if (settings->session.per_second != 0) {
        const uint32_t now = step_of(&admit->session_pace, settings->session, turn);
        if (is_until(admit->last_hot, now)) {
            const lane_set hot = find_hot_cookies(admit, batch, kinds_nts(kinds), now);
            ended |= end(admit, turn, batch, hot, LIMITED_SESSION);
        }
    }
    lane_set known = 0;
    if (settings->plain.per_second != 0 && kinds.plain != 0) {
        const lane_set over = find_over(admit, turn, batch, kinds.plain, &known);
        if (over != 0)
            ended |= refuse_plain(admit, turn, batch, over);
    }
    if (admit->rung >= OVERLOAD_LEAK)
        ended |= shed(admit, turn, batch, kinds.plain & ~ended & ~admit->spared, known);
    return kinds_within(kinds, ~ended);
}

struct exchange_sessions *admit_sessions(struct admit *admit, const struct admit_settings *settings)
{
    return settings->session.per_second != 0 && admit->ready ? &admit->sessions : NULL;
}

// The sessions' accounts, in the order of find_over.
static lane_set charge_sessions(struct admit *admit, const struct admit_turn *turn,
                                const struct batch *batch, lane_set lanes)
{
    struct limiter_place place[LANES];
    const uint32_t now = step_of(&admit->session_pace, turn->settings->session, turn);
    for (lane_set left = lanes; left != 0;) {
        unsigned i = lane_take(&left);
        uint64_t key;
        memcpy(&key, admit->sessions.name[i], sizeof key);
        limiter_find_key(&admit->session, key, &place[i]);
    }
    const lane_set over =
        limiter_charge_keys(&admit->session, place, lanes, admit->session_pace.price, now);
    for (lane_set left = over; left != 0;)
        note_hot(admit, batch, lane_take(&left), now);
    return over;
}

// All NAKs share a budget. A NAK's receiver has an account like that of a plain request's:
// receivers above their limit have a small part of the budget together, else one of them could use
// it up.
static __attribute__((noinline)) lane_set limit_naks(struct admit *admit,
                                                     const struct admit_turn *turn,
                                                     struct batch *batch, lane_set doubted)
{
    const struct admit_settings *settings = turn->settings;
    const uint32_t budget = settings->naks_per_second;
    lane_set known, over = 0, leaked = 0;
    if (settings->plain.per_second != 0)
        over = find_over(admit, turn, batch, doubted, &known);
    const lane_set below = doubted & ~over;
    const lane_set given = lane_lowest(below, spend(&admit->naks, budget, turn, lane_count(below)));
    for (lane_set left = over; left != 0;) {
        unsigned i = lane_take(&left);
        if (limiter_random(&admit->plain) % ADMIT_NAK_LEAK == 0)
            leaked |= lane_bit(i);
    }
    if (leaked != 0) {
        unsigned n = spend(&admit->nak_leak, (budget + ADMIT_NAK_LEAK - 1) / ADMIT_NAK_LEAK, turn,
                           lane_count(leaked));
        leaked = lane_lowest(leaked, spend(&admit->naks, budget, turn, n));
    }
    if (!settings->dry_run)
        counter_add(&turn->counters->leaked_nak, lane_count(leaked));
    return end(admit, turn, batch, doubted & ~given & ~leaked, LIMITED_NAK);
}

struct proof admit_proven(struct admit *admit, const struct admit_turn *turn, struct batch *batch,
                          struct proof proof)
{
    if (!admit->ready)
        return proof;
    if (turn->settings->session.per_second != 0) {
        const lane_set over = charge_sessions(admit, turn, batch, proof.given & ~admit->spared);
        // All names: a genuine cookie in a forged request has named its session, too.
        bytes_wipe(admit->sessions.name, sizeof admit->sessions.name);
        if (over != 0)
            proof.given &= ~end(admit, turn, batch, over, LIMITED_SESSION);
    }
    if (admit->rung != OVERLOAD_NONE)
        proof.doubted &= ~end(admit, turn, batch, proof.doubted & ~admit->spared, LIMITED_OVERLOAD);
    const lane_set naks = proof.doubted & ~admit->spared;
    if (turn->settings->limits_naks && naks != 0)
        proof.doubted &= ~limit_naks(admit, turn, batch, naks);
    return proof;
}
