// What the operator wants of the packets on the ports, as one immutable object: published whole
// while the cores run, and freed once none of them goes by it any more. Settings that change what
// is answered, and how, stand here (the UDP port; later NTS-only, smear, limits and lists); what
// changes by itself, keys and clock, comes over the board.
//
// Housekeeping's thread publishes and frees. Each core looks once a turn, an idle one too, and says
// what it holds. That is safer than to watch its heartbeat: a core may have beaten after the
// publication and still have looked before it, since a processor lets a load pass an earlier store.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct policy {
    uint16_t udp_port; // on which NTP is served; ports_steer() is told the same
};

struct policy_entry;

// Where the policy stands that holds now. Zero at first, which is no policy yet.
struct policy_place {
    _Alignas(64) _Atomic(const struct policy *) now; // writer: housekeeping; readers: cores
    struct policy_entry *entries;                    // housekeeping's
};

// The policy that a core goes by.
struct policy_hold {
    _Atomic(const struct policy *) policy; // writer: the core; reader: housekeeping
};

// The core's side, from its own thread.

static inline const struct policy *policy_held(const struct policy_hold *hold)
{
    return atomic_load_explicit(&hold->policy, memory_order_relaxed); // it wrote that itself
}

// One load: has something been published since?
static inline bool policy_moved(const struct policy_place *place, const struct policy_hold *hold)
{
    // Relaxed: the answer only decides whether to call policy_take, which acquires.
    return atomic_load_explicit(&place->now, memory_order_relaxed) != policy_held(hold);
}

// Goes by what is published from now on. Nothing of the policy before is read afterwards.
static inline void policy_take(const struct policy_place *place, struct policy_hold *hold)
{
    // Acquire, with policy_publish: the object is whole. Release, with policy_is_held: what was
    // read of the one before has been read.
    const struct policy *now = atomic_load_explicit(&place->now, memory_order_acquire);
    atomic_store_explicit(&hold->policy, now, memory_order_release);
}

// Housekeeping's side.

// Publishes a copy of the policy. 0 or -ENOMEM, and then nothing has changed.
int policy_publish(struct policy_place *place, const struct policy *policy);

// Are there policies from before the published one?
bool policy_has_old(const struct policy_place *place);

// Does that core go by the published policy, and by none before it any more?
bool policy_is_held(const struct policy_place *place, const struct policy_hold *hold);

// Frees all but the published one: once each core holds it.
void policy_free_old(struct policy_place *place);

// Frees all. The cores have ended.
void policy_close(struct policy_place *place);
