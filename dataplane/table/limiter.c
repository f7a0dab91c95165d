// Hash, look-up, decay and replacement of the accounts.
#include "dataplane/table/limiter.h"

#include <emmintrin.h> // SSE2, which each x86-64 has
#include <string.h>

enum { NOT_THERE = LIMITER_ACCOUNTS };

void limiter_open(struct limiter *limiter, void *zeros, uint32_t lines_log2)
{
    assert(lines_log2 >= LIMITER_LINES_LOG2_MIN && lines_log2 <= LIMITER_LINES_LOG2_MAX);
    *limiter = (struct limiter){.line = zeros, .lines_log2 = lines_log2};
}

void limiter_set_secret(struct limiter *limiter, const uint64_t secret[LIMITER_SECRETS],
                        uint64_t random)
{
    memcpy(limiter->secret, secret, sizeof limiter->secret);
    limiter->random = random;
}

struct limiter_price limiter_price_of(uint32_t burst)
{
    const uint32_t host = ((uint32_t)LIMITER_FULL * 256 + burst - 1) / burst;
    return (struct limiter_price){host, (host + LIMITER_HOSTS - 1) / LIMITER_HOSTS};
}

// What is left of a load after 0 to 63 steps, and after 0 to 10 times 64, in 1/65536.
static const uint16_t after_steps[LIMITER_STEPS] = {
    65535, 64520, 63520, 62535, 61565, 60611, 59671, 58746, 57835, 56939, 56056, 55187, 54331,
    53489, 52660, 51843, 51039, 50248, 49469, 48702, 47947, 47204, 46472, 45752, 45042, 44344,
    43656, 42980, 42313, 41657, 41011, 40376, 39750, 39133, 38527, 37929, 37341, 36762, 36192,
    35631, 35079, 34535, 34000, 33473, 32954, 32443, 31940, 31445, 30957, 30477, 30005, 29539,
    29081, 28631, 28187, 27750, 27319, 26896, 26479, 26068, 25664, 25266, 24875, 24489,
};
static const uint16_t after_rounds[] = {
    65535, 24109, 8869, 3263, 1200, 442, 162, 60, 22, 8, 3,
};
enum { ROUNDS = sizeof after_rounds / sizeof after_rounds[0] };

// Rounds down, so that never too much is held against a source. The hosts' are one register.
static inline void shrink(uint16_t load[LIMITER_ACCOUNTS], uint16_t factor)
{
    const __m128i hosts = _mm_loadu_si128((const __m128i *)load);
    _mm_storeu_si128((__m128i *)load, _mm_mulhi_epu16(hosts, _mm_set1_epi16((short)factor)));
    for (unsigned i = LIMITER_HOST_ACCOUNTS; i < LIMITER_ACCOUNTS; i++)
        load[i] = (uint16_t)((uint32_t)load[i] * factor >> 16);
}

static __attribute__((noinline)) void decay(struct limiter_line *line, uint32_t now)
{
    const uint32_t steps = now - line->stamp;
    line->stamp = now;
    if (steps / LIMITER_STEPS >= ROUNDS) { // nothing is left; also when steps have another length
        memset(line->spent, 0, sizeof line->spent);
        memset(line->error, 0, sizeof line->error);
        return;
    }
    uint32_t factor = 65536;
    if (steps % LIMITER_STEPS != 0)
        factor = after_steps[steps % LIMITER_STEPS];
    if (steps / LIMITER_STEPS != 0)
        factor = factor * after_rounds[steps / LIMITER_STEPS] >> 16;
    shrink(line->spent, (uint16_t)factor);
    shrink(line->error, (uint16_t)factor);
}

// The host's account, or NOT_THERE. No branch depends on its index: the processor could not
// predict that.
static inline unsigned find_host(const struct limiter_line *line, uint16_t tag)
{
    const __m128i tags = _mm_load_si128((const __m128i *)line->tag);
    const __m128i equal = _mm_cmpeq_epi16(tags, _mm_set1_epi16((short)tag));
    const unsigned octets = (unsigned)_mm_movemask_epi8(equal); // two bits an account
    return octets != 0 ? (unsigned)__builtin_ctz(octets) / 2 : NOT_THERE;
}
static_assert(offsetof(struct limiter_line, tag) == 0 && LIMITER_HOST_ACCOUNTS == 8,
              "the hosts' tags are one register");

static inline unsigned find_network(const struct limiter_line *line, uint16_t tag)
{
    const bool first = line->tag[LIMITER_HOST_ACCOUNTS] == tag;
    const bool second = line->tag[LIMITER_HOST_ACCOUNTS + 1] == tag;
    return (first | second) ? LIMITER_HOST_ACCOUNTS + second : NOT_THERE;
}
static_assert(LIMITER_NETWORK_ACCOUNTS == 2, "a network's account is the first or the second");

static inline bool is_over(const struct limiter_line *line, unsigned at)
{
    return line->spent[at] >= LIMITER_FULL;
}

// Of an account that is not over: so nothing overflows, because no price is above LIMITER_FULL.
static inline void add(struct limiter_line *line, unsigned at, uint32_t price, uint8_t random)
{
    line->spent[at] += (uint16_t)((price + random) >> 8);
}

static inline uint32_t load_of(const struct limiter_line *line, unsigned at)
{
    return (uint32_t)line->spent[at] + line->error[at];
}

// The account with the smallest load, of n from first on.
static inline unsigned smallest(const struct limiter_line *line, unsigned first, unsigned n)
{
    unsigned at = first;
    for (unsigned i = first + 1; i < first + n; i++)
        at = load_of(line, i) < load_of(line, at) ? i : at;
    return at;
}

// A new account in the place of that one, whose load becomes its error. What is above a whole limit
// is lost: it would keep the account for long without need.
static void enter(struct limiter_line *line, unsigned at, uint16_t tag, uint32_t price,
                  uint8_t random)
{
    const uint32_t load = load_of(line, at);
    line->tag[at] = tag;
    line->error[at] = load < LIMITER_FULL ? (uint16_t)load : LIMITER_FULL - 1;
    line->spent[at] = 0;
    add(line, at, price, random);
}

// A source of which a level or both have no account.
static __attribute__((noinline)) enum limiter_verdict
charge_unknown(struct limiter_line *line, const struct limiter_place *place, unsigned host,
               unsigned network, struct limiter_price price, uint32_t now, bool is_key,
               uint64_t random)
{
    bool host_enters = host == NOT_THERE && random % LIMITER_ENTER == 0;
    const bool network_enters =
        !is_key && network == NOT_THERE && (random >> 8) % LIMITER_ENTER == 0;
    // The usual case, also of a flood of random sources: nothing is written.
    if (!is_key && host == NOT_THERE && network == NOT_THERE && !host_enters && !network_enters)
        return LIMITER_UNKNOWN;
    if (line->stamp != now)
        decay(line, now);
    if ((host != NOT_THERE && is_over(line, host)) ||
        (network != NOT_THERE && is_over(line, network)))
        return LIMITER_OVER;

    const unsigned least = smallest(line, 0, LIMITER_HOST_ACCOUNTS);
    host_enters |= is_key && host == NOT_THERE && load_of(line, least) < LIMITER_ROOM;
    const uint8_t host_round = (uint8_t)(random >> 16), network_round = (uint8_t)(random >> 24);
    if (host != NOT_THERE)
        add(line, host, price.host, host_round);
    else if (host_enters)
        enter(line, least, place->host, price.host, host_round);
    if (network != NOT_THERE)
        add(line, network, price.network, network_round);
    else if (network_enters)
        enter(line, smallest(line, LIMITER_HOST_ACCOUNTS, LIMITER_NETWORK_ACCOUNTS), place->network,
              price.network, network_round);
    return host == NOT_THERE ? LIMITER_UNKNOWN : LIMITER_KNOWN;
}

// keys: no place has a network. *round: see limiter_charge_lanes.
static inline __attribute__((always_inline)) enum limiter_verdict
charge_one(struct limiter *limiter, const struct limiter_place *place, struct limiter_price price,
           uint32_t now, bool keys, uint64_t *round)
{
    struct limiter_line *line = place->line;
    const unsigned host = find_host(line, place->host);
    const unsigned network = keys ? NOT_THERE : find_network(line, place->network);
    *round += LIMITER_WEYL;
    if (host == NOT_THERE || (network == NOT_THERE && !keys))
        return charge_unknown(line, place, host, network, price, now, keys,
                              limiter_random(limiter));
    if (line->stamp != now)
        decay(line, now);
    if (is_over(line, host) || (!keys && is_over(line, network)))
        return LIMITER_OVER;
    add(line, host, price.host, (uint8_t)(*round >> 56));
    if (!keys)
        add(line, network, price.network, (uint8_t)(*round >> 48));
    return LIMITER_KNOWN;
}

enum limiter_verdict limiter_charge(struct limiter *limiter, const struct limiter_place *place,
                                    struct limiter_price price, uint32_t now)
{
    uint64_t round = limiter_random(limiter);
    if (place->network == 0)
        return charge_one(limiter, place, price, now, true, &round);
    return charge_one(limiter, place, price, now, false, &round);
}

// Rounding needs numbers that are spread evenly, not such that nobody can guess: multiples of one
// number, from a random one on.
static inline __attribute__((always_inline)) lane_set
charge_lanes(struct limiter *limiter, const struct limiter_place place[LANES], lane_set lanes,
             struct limiter_price price, uint32_t now, bool keys, lane_set *known)
{
    lane_set over = 0, unknown = 0;
    const lane_set all = lanes;
    uint64_t round = limiter_random(limiter);
    while (lanes != 0) {
        unsigned i = lane_take(&lanes);
        const enum limiter_verdict verdict =
            charge_one(limiter, &place[i], price, now, keys, &round);
        if (verdict == LIMITER_OVER)
            over |= lane_bit(i);
        else if (verdict == LIMITER_UNKNOWN)
            unknown |= lane_bit(i);
    }
    *known = all & ~over & ~unknown;
    return over;
}

lane_set limiter_charge_lanes(struct limiter *limiter, const struct limiter_place place[LANES],
                              lane_set lanes, struct limiter_price price, uint32_t now,
                              lane_set *known)
{
    return charge_lanes(limiter, place, lanes, price, now, false, known);
}

lane_set limiter_charge_keys(struct limiter *limiter, const struct limiter_place place[LANES],
                             lane_set lanes, struct limiter_price price, uint32_t now)
{
    lane_set known;
    return charge_lanes(limiter, place, lanes, price, now, true, &known);
}
