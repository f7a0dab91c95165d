// The result of a reload or of a step of a drain, as JSON: noonmarkctl(1) documents its names.
// Pure.
#pragma once

#include <stdbool.h>

// text: of LINK_APPLIED (link/link.h). Returns JSON text ending in a newline, which the caller
// frees; NULL when memory runs out.
char *reload_applied(const char *text);

// The same for a refused reload. why: the reason, for a person.
char *reload_refused(const char *why);

// The same for a drain that was begun or taken back. hook: `time.hook`, null when there is none.
char *drain_report(bool draining, const char *hook);
