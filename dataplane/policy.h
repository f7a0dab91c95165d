// The operator's settings for the packets on the ports, as one immutable object: published whole
// while the cores run, and freed once no core uses it any more. It holds the settings that change
// what is answered and how (the UDP port, silence while the clock is wrong, which sources are
// answered, limits; later smear). Keys and clock, which change without the operator, come over the
// board.
//
// Housekeeping's thread publishes and frees. Each core checks once a turn, an idle one too, and
// writes which policy it uses. Its heartbeat would not be enough: a core may count a turn after the
// publication and still have checked before it, since a processor may execute a load before an
// earlier store.
#pragma once

#include "base/prefixes.h"
#include "dataplane/stage/admit.h"
#include "dataplane/wire/udp_ports.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct policy {
    uint16_t udp_port;               // on which NTP is served; ports_steer() gets the same ones
    uint16_t nts_port;               // on which NTS requests alone are answered; 0: no such port
    bool silent_unless_synchronised; // time.on_unhealthy: replies would have leap 3, so give none
    bool nts_only;                   // plain requests are not answered
    uint8_t instance_id[FIELD_INSTANCE_ID_LEN]; // zero padded; for those who ask
    bool has_instance_id;
    struct prefixes *sources; // that are answered; NULL: all
    struct admit_settings limits;
};

static inline struct udp_ports policy_ports(const struct policy *policy)
{
    return (struct udp_ports){.ntp = policy->udp_port, .nts = policy->nts_port};
}

struct policy_entry;

// Where the current policy is published. Zero at first: no policy yet.
struct policy_place {
    _Alignas(64) _Atomic(const struct policy *) now; // writer: housekeeping; readers: cores
    struct policy_entry *entries;                    // used by housekeeping only
};

// The policy that a core uses.
struct policy_hold {
    _Atomic(const struct policy *) policy; // writer: the core; reader: housekeeping
};

// The core's side, from its own thread.

static inline const struct policy *policy_held(const struct policy_hold *hold)
{
    return atomic_load_explicit(&hold->policy, memory_order_relaxed); // this thread wrote it
}

// One load: has a policy been published since?
static inline bool policy_moved(const struct policy_place *place, const struct policy_hold *hold)
{
    // Relaxed: the answer only decides whether to call policy_take, which acquires.
    return atomic_load_explicit(&place->now, memory_order_relaxed) != policy_held(hold);
}

// Uses the published policy from now on. The core reads nothing of the previous policy afterwards.
static inline void policy_take(const struct policy_place *place, struct policy_hold *hold)
{
    // Acquire, with policy_publish: the object is complete. Release, with policy_is_held: all reads
    // of the previous policy are done.
    const struct policy *now = atomic_load_explicit(&place->now, memory_order_acquire);
    atomic_store_explicit(&hold->policy, now, memory_order_release);
}

// Housekeeping's side.

// Makes a copy of the policy, which no core sees yet. It takes over the set of sources. NULL: no
// memory, and then the set is still the caller's.
struct policy_entry *policy_prepare(const struct policy *policy);

// Publishes a prepared policy, and owns it.
void policy_publish(struct policy_place *place, struct policy_entry *entry);

// Frees a prepared policy that is not to be published. NULL is none.
void policy_drop(struct policy_entry *entry);

// Are there policies older than the published one?
bool policy_has_old(const struct policy_place *place);

// Does that core use the published policy, and no older one?
bool policy_is_held(const struct policy_place *place, const struct policy_hold *hold);

// Frees all but the published one. Every core must hold the published one.
void policy_free_old(struct policy_place *place);

// Frees all. The cores have ended.
void policy_close(struct policy_place *place);
