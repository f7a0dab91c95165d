// What became of a reload, as JSON: noonmarkctl(1) has its names. Pure.
#pragma once

// text: of LINK_APPLIED (link/link.h). JSON text ending in a newline, which the caller frees; NULL
// when memory is short.
char *reload_applied(const char *text);

// Likewise. why: the reason, for a person.
char *reload_refused(const char *why);
