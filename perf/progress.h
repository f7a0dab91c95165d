// The line that lives while something runs: to stderr, and only if that is a terminal. One thread.
#pragma once

#include <stdbool.h>

// Whether there is anybody to look; quiet says that nobody wants to.
void progress_open(bool quiet);

__attribute__((format(printf, 1, 2))) void progress_show(const char *format, ...);

// Takes the line away.
void progress_clear(void);
