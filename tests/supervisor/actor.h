// What all actors do alike (actors.c). Main thread.
#pragma once

#include "config/config.h"
#include "link/link.h"

#include <stdbool.h>

enum { ACTOR_TURN_MS = 20 };

// The configuration that was handed over, for the whole life of the process. Exits when it is
// wrong.
const struct config *actor_script(void);

// Whether control.ntp_server has this word.
bool actor_plays(const struct config *config, const char *word);

// From now on SIGTERM ends actor_waited.
void actor_takes_signals(void);

// Says that it serves, in the log and to the supervisor.
void actor_serves(const struct config *config);

// One turn of a main loop. False at the end. message->type: what has come, or 0.
bool actor_waited(struct link_message *message);
