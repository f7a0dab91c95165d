// The state of one key exchange of a client, and its end. ke_steps.h has the steps, ke_slow.h those
// of a slow client.
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
    KE_STEP_REQUESTING, // sends the request
    KE_STEP_LISTENING,  // receives the response
    KE_STEP_CLOSING,    // granted; the server closes first, so no local port stays in TIME_WAIT
    KE_STEP_DRIBBLING,  // a slow client
};

enum ke_progress {
    KE_PROGRESS_WAITING,
    KE_PROGRESS_DECIDED, // the report is complete; returned once
    KE_PROGRESS_OVER,    // it was closing, and the connection has ended
};

struct ke_session {
    struct ke_waiter
        waiter; // used by the engine; first, so that a waiter is converted to its session
    struct ke_session *next_spare;
    const struct ke_target *target;
    SSL_CTX *context; // not owned
    SSL *tls;         // NULL before TCP is connected
    int fd;
    enum ke_step step;
    struct ke_report report;
    size_t dribbled; // octets
    size_t framed;   // position of ke_response_ended
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

// Ends the exchange with the outcome for a socket's errno: KE_PROGRESS_DECIDED.
enum ke_progress ke_session_decide_error(struct ke_session *s, int error);

// Ends the exchange with the outcome for OpenSSL's error: KE_PROGRESS_DECIDED.
enum ke_progress ke_session_decide_tls(struct ke_session *s);

// Interprets a failed call of OpenSSL: KE_PROGRESS_WAITING, or the end of the exchange.
enum ke_progress ke_session_judge(struct ke_session *s, int result);

// Closes the socket and wipes the secrets.
void ke_session_end(struct ke_session *s);
