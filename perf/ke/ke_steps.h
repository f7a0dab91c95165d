// The steps of a key exchange, complete or aborted: a state machine over a non-blocking socket. The
// engine calls it when the socket is ready, and at timeouts. RFC 8915, section 4.
#pragma once

#include "perf/ke/ke_session.h"

// Starts to connect, from source unless that is NULL. s->report has the kind, the tag and the times
// so far. KE_PROGRESS_DECIDED when it failed at once; s->fd is then -1 or open.
enum ke_progress ke_steps_begin(struct ke_session *s, SSL_CTX *context,
                                const struct ke_target *target,
                                const struct sockaddr_storage *source);

// Continues until the socket would block; the next call is after an edge. *grant is written when
// the outcome is KE_OUTCOME_GRANTED; the caller wipes it.
enum ke_progress ke_steps_turn(struct ke_session *s, struct ke_grant *grant);
