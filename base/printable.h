// Text from outside, made safe for a terminal and for one line. Does not depend on the server, so
// that noonmarkctl uses it too. Pure; any thread.
#pragma once

#include <stddef.h>

// Replaces with spaces, in place, each octet that is not printable UTF-8: control characters (C0,
// DEL and C1, in UTF-8 or as single octets), marks that change the writing direction or break
// lines, and octets that are not UTF-8. The length stays the same.
void printable(char *text, size_t len);
