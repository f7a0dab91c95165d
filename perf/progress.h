// The progress line: on stderr, and only if that is a terminal. One thread.
#pragma once

#include <stdbool.h>

// Finds out whether stderr is a terminal. quiet: never shows a line.
void progress_open(bool quiet);

__attribute__((format(printf, 1, 2))) void progress_show(const char *format, ...);

// Removes the line.
void progress_clear(void);
