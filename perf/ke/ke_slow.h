// Slow clients: an octet now and then, of the ClientHello or of the request, until the server has
// had enough. How long it lets itself be held is what they measure.
#pragma once

#include "perf/ke/ke_session.h"

// Makes the ClientHello of a connected KE_KIND_SLOW_HELLO and keeps it back. False: out of memory.
bool ke_slow_prepare(struct ke_session *s);

// Sends the next octet; once there is none left, it only holds on. KE_PROGRESS_DECIDED: the
// server is found to have ended it.
enum ke_progress ke_slow_dribble(struct ke_session *s);

// Something has come from the server of a dribbling session.
enum ke_progress ke_slow_hear(struct ke_session *s);

// The outcome of a dribbling session that has been decided: however the server ended it, it was
// cut.
enum ke_outcome ke_slow_outcome(const struct ke_session *s);
