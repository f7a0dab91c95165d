// What control alone knows, for the answers of the control socket and for the metrics' process.
// Control's main thread.
#pragma once

#include "board/facts.h"
#include "control/show/status.h"

void facts_describe(const struct status_sources *sources, struct control_facts *facts);

// What of a fleet's document is no secret; all zero when the keys are this server's own.
void facts_describe_fleet(const struct keys *keys, struct fact_fleet *fleet);

// Writes them, and the clock's state, to the side of the board that shows no secrets.
void facts_publish(const struct status_sources *sources, struct board_facts *board);
