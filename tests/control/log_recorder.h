// The log of tests: in place of base/log.c it keeps the lines, so that a test can say which ones
// it wants and that none holds a key.
#pragma once

#include <stdbool.h>

void log_recorder_clear(void);

// Is text anywhere in what was logged since?
bool log_recorder_has(const char *text);
