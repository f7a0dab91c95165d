// The steps of a key exchange, right or wrong on purpose: a state machine over a socket that never
// waits. The engine calls it when the socket can move, and at its times. RFC 8915, section 4.
#pragma once

#include "perf/ke/ke_session.h"

// Starts to connect, from source unless that is NULL, for what s->report says (kind, tag, times so
// far). KE_PROGRESS_DECIDED when it has failed at once: s->fd is then -1 or open.
enum ke_progress ke_steps_begin(struct ke_session *s, SSL_CTX *context,
                                const struct ke_target *target,
                                const struct sockaddr_storage *source);

// Goes as far as the socket allows: it waits for edges. *grant is written when the outcome is
// KE_OUTCOME_GRANTED; the caller wipes it.
enum ke_progress ke_steps_turn(struct ke_session *s, struct ke_grant *grant);
