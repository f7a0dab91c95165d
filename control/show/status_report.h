// The text of a status answer: pure apart from reading clocks and the board.
#pragma once

#include "control/show/status.h"

// Answers one request line: JSON text ending in a newline, which the caller frees; an unknown
// request gets {"error": "..."}. NULL when memory runs out.
char *status_answer(const struct status_sources *sources, const char *request);
