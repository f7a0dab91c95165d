// What became of one key exchange, and how that is said to people.
#pragma once

#include "perf/ke/ke_response.h"
#include "perf/ke/ke_target.h"

#include <stdint.h>

// What a session is begun for.
enum ke_kind {
    KE_KIND_FULL,          // the whole exchange
    KE_KIND_LEAVE_CONNECT, // aborted: leaves once connected
    KE_KIND_LEAVE_HELLO,   // aborted: leaves after its ClientHello
    KE_KIND_LEAVE_TLS,     // aborted: leaves after the handshake, without a request
    KE_KIND_SLOW_HELLO,    // an octet of its ClientHello now and then, until it is cut
    KE_KIND_SLOW_REQUEST,  // an octet of its request now and then, and never the last
    KE_KIND_COUNT,
};

static inline bool ke_kind_leaves(enum ke_kind kind)
{
    return kind >= KE_KIND_LEAVE_CONNECT && kind <= KE_KIND_LEAVE_TLS;
}

static inline bool ke_kind_is_slow(enum ke_kind kind)
{
    return kind >= KE_KIND_SLOW_HELLO;
}

enum ke_outcome {
    KE_OUTCOME_GRANTED, // full: keys and cookies
    KE_OUTCOME_LEFT,    // aborted, as it should
    KE_OUTCOME_CUT,     // slow: the server has ended it
    KE_OUTCOME_HELD,    // slow: left by itself after hold_ns

    KE_OUTCOME_REFUSED,      // the connection was
    KE_OUTCOME_UNREACHABLE,  // no way there, or another error of the network
    KE_OUTCOME_TIMED_OUT,    // the deadline has passed
    KE_OUTCOME_CLOSED_EARLY, // the server ended the connection before its response was whole
    KE_OUTCOME_TLS,          // handshake or record layer failed; an alert
    KE_OUTCOME_CERTIFICATE,  // the server's certificate was not accepted
    KE_OUTCOME_ALPN,         // the server does not speak "ntske/1"
    KE_OUTCOME_ERROR_RECORD, // the response is an error
    KE_OUTCOME_NO_COMMON,    // the response agrees to no protocol, or to no AEAD
    KE_OUTCOME_MALFORMED,    // the response breaks the rules
    KE_OUTCOME_OWN_LIMIT,    // no port, descriptor or memory left here: not the server's fault
    KE_OUTCOME_COUNT,
};

enum { KE_OUTCOME_FIRST_FAILURE = KE_OUTCOME_REFUSED };

// A name for tools ("timed_out") and a help for people, for each outcome.
struct ke_outcome_text {
    const char *name, *help;
};
extern const struct ke_outcome_text ke_outcome_text[KE_OUTCOME_COUNT];

// CLOCK_MONOTONIC; 0: not reached.
struct ke_times {
    uint64_t scheduled_ns; // when it should have begun
    uint64_t began_ns;     // when it did
    uint64_t connected_ns;
    uint64_t handshake_ns; // TLS was up
    uint64_t answered_ns;  // the response was whole: the first cookie
    uint64_t ended_ns;     // the outcome was known; for a slow client: when it was cut
};

struct ke_report {
    enum ke_kind kind;
    enum ke_outcome outcome;
    uint64_t tag; // whose it is: the beginner's
    struct ke_times times;
    int error;           // errno, when the network or the system failed
    long verify;         // X509_V_ERR_..., when the certificate was not accepted
    unsigned long tls;   // OpenSSL's error, when TLS failed
    enum ke_fault fault; // of the response
    uint16_t code;       // that the fault gives
};

// One line, "ntp.example:4460: connection refused; ...".
void ke_report_text(const struct ke_report *report, const struct ke_target *target, char text[512]);
