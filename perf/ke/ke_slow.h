// Slow clients: they send single octets of the ClientHello or of the request, until the server
// closes the connection. They measure how long a server keeps such a connection.
#pragma once

#include "perf/ke/ke_session.h"

// Makes the ClientHello of a connected KE_KIND_SLOW_HELLO without sending it. False: out of memory.
bool ke_slow_prepare(struct ke_session *s);

// Sends the next octet, if there is one left. KE_PROGRESS_DECIDED: the server has closed the
// connection.
enum ke_progress ke_slow_dribble(struct ke_session *s);

// Handles data from the server in a slow session.
enum ke_progress ke_slow_hear(struct ke_session *s);

// Sets the outcome of a slow session that has ended: closed by the server, in whatever way.
enum ke_outcome ke_slow_outcome(const struct ke_session *s);
