// What one loop of NTS-KE has, and what all loops share. For the files that make up a loop:
// ke_loop.c turns, ke_accept.c takes connections, ke_listen.c decides when, ke_serve.c serves them,
// ke_welcome.c says to whom and counts what each costs.
#pragma once

#include "base/bounds.h"
#include "base/prefixes.h"
#include "board/ke_counters.h"
#include "board/key_counters.h"
#include "control/ke/ke_budget.h"
#include "control/ke/ke_connection.h"
#include "control/ke/ke_queue.h"
#include "control/ke/ke_responder.h"
#include "control/ke/ke_terms.h"
#include "control/ke/tls.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>

enum {
    KE_LINGER_MS = 800, // for the client to take the answer, beyond the deadline too
    KE_PAUSE_MS = 20,   // before accepting again at the cap, or when the system had no more
    // Clients give up after 2 s (chronyd) or 3 s (ntpsec): what has waited for as long is served in
    // vain.
    KE_WAITED_MS = 1500,
};

// Data of all loops: read-only, except for the counters and what is marked. Outlives the loops.
struct ke_shared {
    struct tls *tls;
    const struct snapshot *ring;
    struct ke_counters *counters;           // written by all loops
    struct key_counters *sealed;            // likewise
    struct ke_cpu_limit *cpu_limit;         // used by all loops
    _Atomic(const struct ke_terms *) terms; // writer: the main thread; readers: the loops
    sem_t taken; // posted by each loop that has taken other terms; the main thread waits
};

// The object that epoll's data points to for everything but connections.
struct ke_post {
    enum ke_source source;
    int fd;
};

struct ke_loop {
    struct ke_shared *shared;
    int epoll;
    struct ke_post wake;          // an eventfd: readable when the loop must look at what follows
    atomic_bool must_end;         // writer: the main thread; reader: the loop
    const struct ke_terms *terms; // in use
    struct ke_post listener[LISTENERS_MAX];
    bool paused;             // the listeners are not watched
    uint64_t resume_ns;      // when paused
    uint64_t crowded_ns;     // until then, who has waited too long is refused
    uint64_t cpu_ns;         // the thread's CPU time up to which connections have been charged
    struct ke_budget budget; // of all connections of this loop
    uint64_t rest_ns;        // when memory is given back next
    uint64_t counted_ns;     // of its thread's CPU time, in the counters
    struct ke_queue running; // until the exchange's deadline
    struct ke_queue silent;  // likewise; nothing had come when they were accepted
    struct ke_queue kept;    // of pools, between two requests: until their idle time is over
    struct ke_queue ending;  // draining, or late: KE_LINGER_MS more
    struct ke_responder responder;
};
