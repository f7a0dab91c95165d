// Hash, look-up, decay and replacement of the accounts.
#include "dataplane/table/limiter.h"

#include <string.h>

#define EACH_TAG UINT64_C(0x0001000100010001) // a word has four tags
#define EACH_TOP UINT64_C(0x8000800080008000)

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

// add: 0 rounds down, 65535 up. The compiler does all accounts at once.
static inline void shrink(uint16_t *load, uint32_t factor, uint32_t add)
{
    for (unsigned i = 0; i < LIMITER_ACCOUNTS; i++)
        load[i] = (uint16_t)((load[i] * factor + add) >> 16);
}

static __attribute__((noinline)) void decay(struct limiter_line *line, uint32_t now)
{
    const uint32_t steps = now - line->stamp;
    line->stamp = now;
    if (steps / LIMITER_STEPS >= ROUNDS) { // nothing is left; also when steps have another length
        memset(line->load, 0, sizeof line->load);
        memset(line->error, 0, sizeof line->error);
        return;
    }
    uint32_t factor = 65536;
    if (steps % LIMITER_STEPS != 0)
        factor = after_steps[steps % LIMITER_STEPS];
    if (steps / LIMITER_STEPS != 0)
        factor = factor * after_rounds[steps / LIMITER_STEPS] >> 16;
    // Rounded so that never too much is held against a source.
    shrink(line->load, factor, 0);
    shrink(line->error, factor, UINT16_MAX);
}

static inline uint64_t word_of(const struct limiter_line *line, unsigned i)
{
    uint64_t word;
    memcpy(&word, (const uint8_t *)line + i * sizeof word, sizeof word);
    return word;
}

// The lowest quarter that is 0 gets its top bit, and perhaps some above it.
static inline uint64_t zeros(uint64_t word)
{
    return (word - EACH_TAG) & ~word & EACH_TOP;
}

// The account with that tag, or NOT_THERE. Stamp and tags are three words of four quarters each,
// and at most one of them has the tag. No branch depends on where: nobody could predict it.
static inline unsigned find(const struct limiter_line *line, uint16_t tag)
{
    const uint64_t wanted = tag * EACH_TAG;
    // The stamp is the first half of the first word, and is never equal.
    const uint64_t equal = zeros((word_of(line, 0) ^ wanted) | UINT32_MAX) >> 3 |
                           zeros(word_of(line, 1) ^ wanted) >> 2 |
                           zeros(word_of(line, 2) ^ wanted) >> 1;
    if (equal == 0)
        return NOT_THERE;
    const unsigned bit = (unsigned)__builtin_ctzll(equal); // 16 quarter + 12 + word
    return 4 * (bit % 16 - 12) + bit / 16 - 2;
}
static_assert(offsetof(struct limiter_line, tag) == 4 &&
                  offsetof(struct limiter_line, load) == 4 + 2 * LIMITER_ACCOUNTS,
              "stamp and tags are three words");

static inline bool is_over(const struct limiter_line *line, unsigned at)
{
    return at != NOT_THERE && line->load[at] - line->error[at] >= LIMITER_FULL;
}

static inline void add(struct limiter_line *line, unsigned at, uint32_t price, uint64_t random)
{
    const uint32_t load = line->load[at] + ((price + (uint32_t)(random & 0xff)) >> 8);
    line->load[at] = load > UINT16_MAX ? UINT16_MAX : (uint16_t)load;
}

// A new account in the place of the smallest one, whose load becomes its error: room for a whole
// limit must be left above it.
static __attribute__((noinline)) void enter(struct limiter_line *line, uint16_t tag, uint32_t price,
                                            uint64_t random)
{
    unsigned at = 0;
    for (unsigned i = 1; i < LIMITER_ACCOUNTS; i++)
        if (line->load[i] < line->load[at])
            at = i;
    if (line->load[at] >= LIMITER_FULL)
        line->load[at] = LIMITER_FULL - 1;
    line->tag[at] = tag;
    line->error[at] = line->load[at];
    add(line, at, price, random);
}

// Charges one level. random: its low 4 bits choose who enters, the next 8 round.
static inline void charge(struct limiter_line *line, unsigned at, uint16_t tag, uint32_t price,
                          uint64_t random)
{
    if (at != NOT_THERE)
        add(line, at, price, random >> 4);
    else if (random % LIMITER_ENTER == 0)
        enter(line, tag, price, random >> 4);
}

static inline __attribute__((always_inline)) enum limiter_verdict
charge_one(struct limiter *limiter, const struct limiter_place *place, struct limiter_price price,
           uint32_t now)
{
    struct limiter_line *line = place->line;
    const uint64_t random = limiter_random(limiter);
    unsigned host = find(line, place->host);
    unsigned network = place->network != 0 ? find(line, place->network) : NOT_THERE;

    // The usual case, also of a flood of random sources: nothing is written.
    if (host == NOT_THERE && network == NOT_THERE &&
        (random % LIMITER_ENTER != 0) & ((random >> 16) % LIMITER_ENTER != 0))
        return LIMITER_UNKNOWN;
    if (line->stamp != now)
        decay(line, now);
    if (is_over(line, host) || is_over(line, network))
        return LIMITER_OVER;
    charge(line, host, place->host, price.host, random);
    if (place->network != 0) {
        if (host == NOT_THERE) // it may have taken the network's place
            network = find(line, place->network);
        charge(line, network, place->network, price.network, random >> 16);
    }
    return host == NOT_THERE ? LIMITER_UNKNOWN : LIMITER_KNOWN;
}

enum limiter_verdict limiter_charge(struct limiter *limiter, const struct limiter_place *place,
                                    struct limiter_price price, uint32_t now)
{
    return charge_one(limiter, place, price, now);
}

lane_set limiter_charge_lanes(struct limiter *limiter, const struct limiter_place place[LANES],
                              lane_set lanes, struct limiter_price price, uint32_t now,
                              lane_set *known)
{
    lane_set over = 0;
    *known = 0;
    while (lanes != 0) {
        unsigned i = lane_take(&lanes);
        const enum limiter_verdict verdict = charge_one(limiter, &place[i], price, now);
        over |= (lane_set)(verdict == LIMITER_OVER) << i;
        *known |= (lane_set)(verdict == LIMITER_KNOWN) << i;
    }
    return over;
}
