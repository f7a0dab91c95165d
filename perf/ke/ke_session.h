// One key exchange as a client makes it: its state, and how it ends. ke_steps.h takes its steps,
// and ke_slow.h those of a slow client.
//
// Belongs to one engine. Holds secrets until ke_session_end. RFC 8915, section 4.
#pragma once

#include "perf/ke/ke_line.h"
#include "perf/ke/ke_outcome.h"

#include <openssl/ssl.h>
#include <time.h>

enum ke_step {
    KE_STEP_CONNECTING,
    KE_STEP_HANDSHAKING,
    KE_STEP_REQUESTING, // the request goes out
    KE_STEP_LISTENING,  // the response comes in
    KE_STEP_CLOSING,    // granted; the server ends the connection first, then nobody's port is held
    KE_STEP_DRIBBLING,  // slow
};

enum ke_progress {
    KE_PROGRESS_WAITING,
    KE_PROGRESS_DECIDED, // the report is whole; said once
    KE_PROGRESS_OVER,    // was closing, and the connection has ended
};

struct ke_session {
    struct ke_waiter waiter; // the engine's; first, so that a waiter is a session
    struct ke_session *next_spare;
    const struct ke_target *target;
    SSL_CTX *context; // not owned
    SSL *tls;         // NULL before TCP is connected
    int fd;
    enum ke_step step;
    struct ke_report report;
    size_t dribbled; // octets
    size_t framed;   // ke_response_ended's
    size_t len;      // of the response so far
    uint8_t response[KE_ANSWER_MAX];
};

static inline uint64_t ke_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

// Ends the exchange with that outcome: KE_PROGRESS_DECIDED.
enum ke_progress ke_session_decide(struct ke_session *s, enum ke_outcome outcome);

// Ends it with what an errno of the socket says: KE_PROGRESS_DECIDED.
enum ke_progress ke_session_decide_error(struct ke_session *s, int error);

// Ends it with what OpenSSL's error says: KE_PROGRESS_DECIDED.
enum ke_progress ke_session_decide_tls(struct ke_session *s);

// What a failed call of OpenSSL means: KE_PROGRESS_WAITING or a decision.
enum ke_progress ke_session_judge(struct ke_session *s, int result);

// Closes the socket and wipes what was secret.
void ke_session_end(struct ke_session *s);
