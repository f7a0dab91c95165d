// Counters and heartbeats: the dataplane writes, control reads and shows them.
//
// Every received frame ends in exactly one counter of enum outcome, so that
// frames_received == the sum of all outcomes, always. Names and help: board/metrics.h.
#pragma once

#include "board/key_hints.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

// How a received frame ended. Replies first, then drops without a reply, in the order in which they
// are decided.
enum outcome {
    ANSWERED_PLAIN,     // NTP reply without NTS
    ANSWERED_NTS,       // authenticated reply
    ANSWERED_NAK,       // NTS NAK (kiss code NTSN)
    ANSWERED_KISS,      // kiss code RATE: a plain request above its limit
    DROPPED_RUNT,       // shorter than its own headers say
    DROPPED_OVERSIZE,   // longer than FRAME_MAX or in several segments
    DROPPED_NOT_IP,     // neither IPv4 nor IPv6, or more than two VLAN tags
    DROPPED_FRAGMENT,   // not reassembled: RFC 8915 replies are never fragmented
    DROPPED_IP_OPTIONS, // IPv4 options or IPv6 extension headers
    DROPPED_NOT_UDP,
    DROPPED_NOT_NTP,     // another port
    DROPPED_NOT_OURS,    // addressed to another host
    DROPPED_GROUP,       // multicast or broadcast destination (or source), MAC or IP
    DROPPED_OTHER_MAC,   // to another station's MAC address
    DROPPED_SOURCE,      // from an address that no host has, or from our own
    DROPPED_CHECKSUM,    // IPv4 header checksum, or a zero UDP checksum over IPv6
    DROPPED_PORT_ZERO,   // source port 0
    DROPPED_DENIED,      // from a source that dataplane.allow and dataplane.deny do not answer
    DROPPED_LENGTH,      // NTP shorter than 48 octets or not a multiple of 4
    DROPPED_VERSION,     // VN 0, 5, 6, 7
    DROPPED_MODE,        // not a client request
    DROPPED_TRAILER,     // VN 1 to 3 with anything after the header
    DROPPED_MAC,         // symmetric MAC or crypto-NAK
    DROPPED_FIELDS,      // malformed chain of extension fields, or too many
    DROPPED_NTS_SHAPE,   // duplicate or missing unique identifier, cookie or authenticator
    DROPPED_NTS_LENGTHS, // authenticator's lengths or padding (RFC 8915, section 5.6)
    DROPPED_NTS_CONTENT, // genuine, but its encrypted fields are malformed
    DROPPED_PLAIN,       // without NTS, where (or at a port at which) NTS alone is answered
    DROPPED_NO_KEYS,     // an NTS request before there are keys, or before the generator is seeded
    DROPPED_NO_CLOCK,    // before control has published a clock
    DROPPED_UNHEALTHY,   // the clock is not synchronised, and the configuration wants silence then
    DROPPED_PLAIN_LIMIT, // a plain request, whose source is above its limit
    DROPPED_SESSION_LIMIT, // a genuine NTS request of a session above its limit, or its cookie
                           // again
    DROPPED_NAK_LIMIT,     // an NTS request that is not genuine, when there were too many NAKs
    DROPPED_OVERLOAD,      // left out because the core has more requests than it can answer
    DROPPED_STALE,         // the core was held up after composing, until the timestamps were wrong
    DROPPED_LONGER,  // the reply would be longer than the request: a bug if it is ever counted
    DROPPED_TX_FULL, // the port's send queue did not take the reply
    OUTCOMES,
};

// Why a request got a NAK. Each sent NAK has exactly one cause, so their sum is ANSWERED_NAK.
enum nak_cause {
    NAK_UNKNOWN_KEY,   // the cookie names a key that this server does not have, or has no longer
    NAK_COOKIE_LENGTH, // the cookie has another length than this server's cookies
    NAK_COOKIE_TAG,    // the cookie's tag is wrong
    NAK_REQUEST_TAG,   // the cookie is genuine, the tag of the request is wrong
    NAK_CAUSES,
};

// The timestamp of a reply minus its true departure time: of the last reply of each send call, as
// near as the port can tell; or of single
// replies, once the device tells when they left. Bin i counts errors up to departure_bin_ns[i] and
// above departure_bin_ns[i - 1]; the last bin counts all errors above those.
enum { DEPARTURE_BINS = 13 };
extern const int64_t departure_bin_ns[DEPARTURE_BINS - 1];

enum { OVERLOAD_LADDER = 3 }; // rungs

// One core's own page of counters. Writer: that core alone, with counter_add. Readers: control,
// with counters_read.
//
// A sum comes before its parts: frames_received before the counters of its frames, outcome before
// nak and interleaved. A core adds in that order and a reader reads backwards, so the parts never
// add up to more than their sum. Counters without such a relation may differ by one burst.
struct core_counters {
    _Alignas(64) _Atomic uint64_t heartbeat; // the number of turns, empty ones too
    _Atomic uint64_t frames_received;
    _Atomic uint64_t octets_received;
    _Atomic uint64_t octets_sent;
    _Atomic uint64_t cookies_sealed;
    _Atomic uint64_t slow_path;   // requests of unusual shape
    _Atomic uint64_t to_nts_port; // packets to dataplane.nts_port
    _Atomic uint64_t busy_cycles; // TSC ticks in turns that had packets
    _Atomic uint64_t
        departure_ns; // the last value: from composing to the first reply's planned departure
    _Atomic uint64_t stamps_refused;     // frames whose stamp could not be true
    _Atomic uint64_t stamps_hardware;    // frames whose arrival a device's own clock has told
    _Atomic uint64_t departures_sampled; // single replies whose departure a device has told
    _Atomic uint64_t departures_early;   // of them, that left before their timestamp
    _Atomic uint64_t composed_again;     // bursts composed twice, because the core was off its CPU
    _Atomic uint64_t records_refused;    // records of the board that were out of range
    _Atomic uint64_t outcome[OUTCOMES];
    _Atomic uint64_t nak[NAK_CAUSES];                 // of outcome[ANSWERED_NAK]
    _Atomic uint64_t hint[KEY_HINTS];                 // of nak[NAK_UNKNOWN_KEY]
    _Atomic uint64_t departure_error[DEPARTURE_BINS]; // by departure_error_bin

    // Requests above a limit that were answered all the same; and with dry_run, those that would
    // have been dropped.
    _Atomic uint64_t leaked_plain;
    _Atomic uint64_t leaked_nak;
    _Atomic uint64_t dry_plain;
    _Atomic uint64_t dry_session;
    _Atomic uint64_t dry_nak;
    _Atomic uint64_t dry_overload;

    // Bursts that were handled on each rung of the overload ladder (dataplane/stage/overload.h),
    // and the last of them: which rung, and when (TSC; 0: never).
    _Atomic uint64_t overload[OVERLOAD_LADDER];
    _Atomic uint64_t overload_rung; // the last value
    _Atomic uint64_t overload_tsc;  // likewise

    // Replies to requests that ask for interleaved mode (RFC 9769): in which mode, and what becomes
    // of their departures, which the next such reply is to tell.
    _Atomic uint64_t interleaved;
    _Atomic uint64_t interleaved_basic;
    _Atomic uint64_t departures_known;
    _Atomic uint64_t departures_unasked;  // the port cannot tell them, or there are too many
    _Atomic uint64_t departures_lost;     // the stamp never came, or cannot be true
    _Atomic uint64_t departures_hardware; // of those known: told by a device's own clock
};

// The bin of an error in ns.
static inline unsigned departure_error_bin(int64_t ns)
{
    unsigned bin = 0;
    while (bin < DEPARTURE_BINS - 1 && ns > departure_bin_ns[bin])
        bin++;
    return bin;
}

// Copies a page as it is now; parts never exceed their sum. The copy is used by the caller alone.
void counters_read(const struct core_counters *counters, struct core_counters *copy);

// Adds a copy to a sum, field by field.
void counters_sum(struct core_counters *sum, const struct core_counters *copy);

// Adds to a counter of which this thread is the only writer: no locked instruction. Release: a
// reader that sees the new value sees what was counted before it; partner: counters_read.
static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
    uint64_t v = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, v + n, memory_order_release);
}
