// The value of --timeout. Pure.
#pragma once

#include <stdbool.h>

enum { TIMEOUT_DEFAULT_S = 60 };

// Reads "60", "60s", "5m" or "1h", up to a day. False, with *seconds unchanged: it is none.
bool timeout_read(const char *text, unsigned *seconds);
