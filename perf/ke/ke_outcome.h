// The outcome of one key exchange, and its text for people.
#pragma once

#include "perf/ke/ke_response.h"
#include "perf/ke/ke_target.h"

#include <stdint.h>

// The purpose of a session.
enum ke_kind {
    KE_KIND_FULL,          // the whole exchange
    KE_KIND_LEAVE_CONNECT, // aborted: ends after the TCP connection
    KE_KIND_LEAVE_HELLO,   // aborted: ends after its ClientHello
    KE_KIND_LEAVE_TLS,     // aborted: ends after the handshake, without a request
    KE_KIND_SLOW_HELLO,    // slow: sends its ClientHello octet by octet, until the server closes
    KE_KIND_SLOW_REQUEST,  // slow: sends its request octet by octet, but never the last octet
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
    KE_OUTCOME_GRANTED, // full: got keys and cookies
    KE_OUTCOME_LEFT,    // aborted as planned
    KE_OUTCOME_CUT,     // slow: the server closed it
    KE_OUTCOME_HELD,    // slow: the client closed it after hold_ns

    KE_OUTCOME_REFUSED,      // the connection was refused
    KE_OUTCOME_UNREACHABLE,  // no route, or another network error
    KE_OUTCOME_TIMED_OUT,    // the deadline has passed
    KE_OUTCOME_CLOSED_EARLY, // the server closed the connection before its response was complete
    KE_OUTCOME_TLS,          // the handshake or the record layer failed, or an alert came
    KE_OUTCOME_CERTIFICATE,  // the server's certificate was not accepted
    KE_OUTCOME_ALPN,         // the server does not support "ntske/1"
    KE_OUTCOME_ERROR_RECORD, // the response is an error
    KE_OUTCOME_NO_COMMON,    // the response accepts no protocol, or no AEAD
    KE_OUTCOME_MALFORMED,    // the response violates the RFC
    KE_OUTCOME_OWN_LIMIT,    // this machine had no port, descriptor or memory left
    KE_OUTCOME_COUNT,
};

enum { KE_OUTCOME_FIRST_FAILURE = KE_OUTCOME_REFUSED };

// For each outcome: a name for programs ("timed_out") and a text for people.
struct ke_outcome_text {
    const char *name, *help;
};
extern const struct ke_outcome_text ke_outcome_text[KE_OUTCOME_COUNT];

// CLOCK_MONOTONIC; 0: not reached.
struct ke_times {
    uint64_t scheduled_ns; // when it was due
    uint64_t began_ns;     // when it began
    uint64_t connected_ns;
    uint64_t handshake_ns; // the TLS handshake was complete
    uint64_t answered_ns;  // the response was complete: the first cookie
    uint64_t ended_ns;     // the outcome was known; for a slow client: it was closed
};

struct ke_report {
    enum ke_kind kind;
    enum ke_outcome outcome;
    uint64_t tag; // chosen by the caller of ke_engine_begin
    struct ke_times times;
    int error;           // errno, when the network or the system failed
    long verify;         // X509_V_ERR_..., when the certificate was not accepted
    unsigned long tls;   // OpenSSL's error, when TLS failed
    enum ke_fault fault; // of the response
    uint16_t code;       // the code that belongs to the fault
};

// One line, "ntp.example:4460: connection refused; ...".
void ke_report_text(const struct ke_report *report, const struct ke_target *target, char text[512]);
