// How much each source has sent lately, in memory that never grows: an account for a host (/32;
// IPv6 /64) and one for its network (/24; IPv6 /48), which may send LIMITER_HOSTS times as much. A
// session has an account of one level.
//
// A network's hash chooses a line of one cache line, which has eight accounts of hosts and two of
// networks. So a packet costs one line, whatever is in it. No host takes a network's account: a
// network with many busy hosts would lose its own then, and with it its limit. An account is a tag
// of 16 bits and a load; loads decay exponentially, which gives a steady rate and a burst. Two
// rules keep a flood of forged sources from doing harm:
//
// - Sample and hold (Estan and Varghese, 2002): a source that is not in its line gets in with a
//   probability of 1/16. Once in, each packet counts. A flood of random sources writes 1/16 of its
//   packets; a source that sends a lot is in after 16 packets in the mean, after 71 in 99 of 100
//   cases. A key (a session) cannot be forged: it gets in at once while its line has room.
// - Guaranteed counts (Metwally, Agrawal, El Abbadi, 2005): a new account takes the place of the
//   smallest one, and takes over its load as `error`. Only what comes on top, `spent`, was sent in
//   this source's name, and only that is held against the limit. The load, which is the sum of
//   both, keeps an account from being taken. So nobody is refused for packets of others, but for
//   those whose 16 bits are equal: 10 in 65,536 sources of one line.
//
// A packet that is refused is not charged. Pure; one thread. The caller gives memory and time.
#pragma once

#include "base/bounds.h"
#include "base/lane_set.h"
#include "base/mix.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Multiples of this number are spread evenly over a word.
#define LIMITER_WEYL UINT64_C(0x9e3779b97f4a7c15)

enum {
    LIMITER_HOST_ACCOUNTS = 8, // of a line; also those of keys
    LIMITER_NETWORK_ACCOUNTS = 2,
    LIMITER_ACCOUNTS = LIMITER_HOST_ACCOUNTS + LIMITER_NETWORK_ACCOUNTS,
    LIMITER_HOSTS = 32,              // a network may send as much as so many hosts
    LIMITER_ENTER = 16,              // one in so many packets of an unknown source makes an account
    LIMITER_STEPS = 64,              // steps of time in which a load falls to 1/e
    LIMITER_FULL = 32768,            // the load at which packets are refused
    LIMITER_ROOM = LIMITER_FULL / 8, // below it, an account may be taken by any new key
    LIMITER_BURST_MAX = LIMITS_BURST_MAX, // packets that a host may send at once
    LIMITER_LINES_LOG2_MIN = 10,
    LIMITER_LINES_LOG2_MAX = 16,
    LIMITER_SECRETS = 3,
};

struct limiter_line {
    // Of hosts, then of networks: the hosts' are one register. A free account has 0, as have few
    // sources, which are counted from their first packet on.
    _Alignas(64) uint16_t tag[LIMITER_ACCOUNTS];
    uint32_t stamp;                   // the step of time at which the loads were right
    uint16_t spent[LIMITER_ACCOUNTS]; // in 1/LIMITER_FULL of the burst
    uint16_t error[LIMITER_ACCOUNTS];
};
static_assert(sizeof(struct limiter_line) == 64, "a packet costs one cache line");

struct limiter {
    struct limiter_line *line; // the caller's memory
    uint32_t lines_log2;
    uint64_t secret[LIMITER_SECRETS];
    uint64_t random; // the state of a generator: cheap, seeded from the secrets' source
};

// What a packet costs, of each level, in 1/256 of a unit of load.
struct limiter_price {
    uint32_t host;
    uint32_t network;
};

// The accounts of a packet's source.
struct limiter_place {
    struct limiter_line *line;
    uint16_t host;    // tags
    uint16_t network; // 0: it has no account of that level
};

enum limiter_verdict {
    LIMITER_UNKNOWN = 0, // admitted; the source had no account
    LIMITER_KNOWN = 1,   // admitted and charged
    LIMITER_OVER = 2,    // over the limit: not charged
};

// Octets of memory of a table of so many lines.
static inline size_t limiter_len(uint32_t lines_log2)
{
    return sizeof(struct limiter_line) << lines_log2;
}

// Makes an empty table of 2^lines_log2 lines over limiter_len() octets of zeros, aligned to 64;
// does not touch them. The memory stays the caller's.
void limiter_open(struct limiter *limiter, void *zeros, uint32_t lines_log2);

// Takes new secrets. All accounts are lost then: their lines and tags are others.
void limiter_set_secret(struct limiter *limiter, const uint64_t secret[LIMITER_SECRETS],
                        uint64_t random);

// The prices with which a host may send `burst` packets at once, 1 to LIMITER_BURST_MAX.
struct limiter_price limiter_price_of(uint32_t burst);

// 64 bits of the table's own generator: good enough for a choice, not for a secret.
static inline uint64_t limiter_random(struct limiter *limiter)
{
    limiter->random += LIMITER_WEYL;
    return mix_words(limiter->random, limiter->random ^ limiter->secret[0]);
}

// Not 0, which says that a place has no network.
static inline uint16_t limiter_network_tag(uint64_t hash)
{
    const uint16_t tag = (uint16_t)hash;
    return tag == 0 ? 1 : tag;
}

// Two multiplications with secrets: senders see no hash, so they cannot search for sources that
// share a line with a victim.
static inline uint64_t limiter_hash(const struct limiter *limiter, uint64_t key)
{
    return mix_words(mix_words(key ^ limiter->secret[0], limiter->secret[1] | 1) ^
                         limiter->secret[1],
                     limiter->secret[2] | 1);
}

static inline struct limiter_line *limiter_line_of(const struct limiter *limiter, uint64_t hash)
{
    struct limiter_line *line = &limiter->line[hash >> (64 - limiter->lines_log2)];
    __builtin_prefetch(line, 1);
    return line;
}

// The place of a host. network: the bits of its network, with something that tells IPv4 from IPv6;
// host: the bits below it. Begins to load the line.
static inline void limiter_find(const struct limiter *limiter, uint64_t network, uint64_t host,
                                struct limiter_place *place)
{
    const uint64_t hash = limiter_hash(limiter, network);
    *place = (struct limiter_place){
        .line = limiter_line_of(limiter, hash),
        .network = limiter_network_tag(hash),
        .host = (uint16_t)mix_words(hash ^ host, limiter->secret[0] | 1),
    };
}

// The place of a key without a network above it.
static inline void limiter_find_key(const struct limiter *limiter, uint64_t key,
                                    struct limiter_place *place)
{
    const uint64_t hash = limiter_hash(limiter, key);
    *place = (struct limiter_place){.line = limiter_line_of(limiter, hash), .host = (uint16_t)hash};
}

// Charges one packet. now: the step of time, LIMITER_STEPS of them in the time in which `burst`
// packets may come steadily; it may wrap.
enum limiter_verdict limiter_charge(struct limiter *limiter, const struct limiter_place *place,
                                    struct limiter_price price, uint32_t now);

// The same for each of these lanes in turn, which have networks; returns those that are over the
// limit. *known becomes those that are not, and had an account.
lane_set limiter_charge_lanes(struct limiter *limiter, const struct limiter_place place[LANES],
                              lane_set lanes, struct limiter_price price, uint32_t now,
                              lane_set *known);

// Likewise for lanes of keys.
lane_set limiter_charge_keys(struct limiter *limiter, const struct limiter_place place[LANES],
                             lane_set lanes, struct limiter_price price, uint32_t now);
