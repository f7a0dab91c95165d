// The results of the connections to NTS-KE. Names and help: board/metrics.h.
//
// Every accepted connection ends in exactly one of the counters from KE_COMPLETED to KE_ABANDONED,
// so that accepted == their sum + the connections open now. A connection that is only being drained
// has ended; one from a balancer is accepted once its header is complete.
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

enum ke_counter {
    KE_ACCEPTED,

    KE_COMPLETED,      // answered with cookies
    KE_NO_COMMON,      // answered: no protocol or no AEAD in common
    KE_OF_POOL,        // a pool's, whose last request was answered
    KE_ERRED_CRITICAL, // answered with Error 0
    KE_ERRED_REQUEST,  // answered with Error 1, the deadline not passed
    KE_ERRED_INTERNAL, // answered with Error 2
    KE_LATE_HANDSHAKE, // at the deadline the handshake was not complete
    KE_LATE_REQUEST,   // at the deadline the request was not complete: Error 1
    KE_NO_HANDSHAKE,   // TLS failed: version, ALPN, alert, garbage
    KE_NO_ALPN,        // the handshake agreed on no application protocol
    KE_ABANDONED,      // the client left before its answer, or the network failed

    KE_PAUSED_FULL,  // accepting paused: max_connections are open
    KE_PAUSED_ERROR, // accepting paused: descriptors or memory ran out

    KE_DENIED, // closed at once, and not among the accepted ones: the lists do not answer its
               // source
    // Likewise, closed at once:
    KE_REFUSED_LIMIT,  // its prefix has taken more CPU time than it may
    KE_REFUSED_WAITED, // its client has waited so long for CPU time that it has given up by now
    KE_DRY_RUN,        // accepted, though its prefix is over its limit
    KE_BAD_PROXY,      // from a balancer, without a sound PROXY header before the deadline
    KE_PAUSED_CPU,     // accepting paused: a loop has used its share of CPU time

    // Requests of pools, of which one connection may bring many. Not among the ends above.
    KE_POOL_SESSIONS, // answered with cookies for the keys that the pool has sent
    KE_POOL_LISTS,    // answered with what this server has
    KE_POOL_REFUSED,  // of a pool, and not answered so
    KE_POOL_DENIED,   // with a token that is not ours
    KE_COUNTER_COUNT,
};

enum { KE_ENDS_FIRST = KE_COMPLETED, KE_ENDS_LAST = KE_ABANDONED };

static_assert((int)KE_ACCEPTED < (int)KE_ENDS_FIRST, "the sum comes before its parts");

// Of complete TLS handshakes: in which group the keys were agreed, with which cipher suite, and of
// what type the key of the certificate is. Each handshake is in one of each.
enum ke_group { KE_X25519, KE_P256, KE_HYBRID, KE_OTHER_GROUP, KE_GROUPS };
enum ke_suite { KE_AES_128_GCM, KE_AES_256_GCM, KE_CHACHA20, KE_OTHER_SUITE, KE_SUITES };
enum ke_key { KE_EC, KE_RSA, KE_ED25519, KE_OTHER_KEY, KE_KEYS };

enum { KE_TIME_BINS = 14 };

// How long something took, from accepting the connection on.
struct ke_durations {
    _Atomic uint64_t bin[KE_TIME_BINS]; // by ke_time_bin
    _Atomic uint64_t sum_ns;
};

// The greatest time of each bin but the last, in ns.
extern const uint64_t ke_time_bin_ns[KE_TIME_BINS - 1];

// Writers: every loop of ke, with ke_count. Readers: control, with ke_counters_read, which reads
// backwards, so that it never sees more connections ended than accepted.
struct ke_counters {
    _Atomic uint64_t n[KE_COUNTER_COUNT];
    _Atomic uint64_t group[KE_GROUPS], suite[KE_SUITES], key[KE_KEYS];
    _Atomic uint64_t cpu_ns;       // of the loops; each adds to it once a second
    struct ke_durations handshake; // until TLS was up
    struct ke_durations exchange;  // until the last octet of an answer with cookies was sent
    _Atomic uint32_t open;         // connections with a descriptor now, also those being drained
    _Atomic uint32_t kept;         // of these, those that a pool may send more requests on
};

// Release: a reader that sees the new value sees what was counted before it; partner:
// ke_counters_read.
static inline void ke_count(struct ke_counters *counters, enum ke_counter which)
{
    atomic_fetch_add_explicit(&counters->n[which], 1, memory_order_release);
}

// Counts one more of those. Relaxed: nothing is judged by the order of these.
static inline void ke_count_one(_Atomic uint64_t *n)
{
    atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

void ke_count_time(struct ke_durations *times, uint64_t ns);

// Copies the counters as they are now. The copy is used by the caller alone.
void ke_counters_read(const struct ke_counters *counters, struct ke_counters *copy);

// For the start of ke: the open connections of a predecessor that died count as abandoned. Before
// any loop runs.
void ke_counters_take_over(struct ke_counters *counters);

static inline uint64_t ke_counted(const struct ke_counters *counters, enum ke_counter which)
{
    return atomic_load_explicit(&counters->n[which], memory_order_relaxed);
}
