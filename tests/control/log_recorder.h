// The log of tests: it replaces base/log.c and keeps the lines, so that a test can check which
// lines were logged and that none contains a key.
#pragma once

#include <stdbool.h>

void log_recorder_clear(void);

// Is text anywhere in what was logged since?
bool log_recorder_has(const char *text);
