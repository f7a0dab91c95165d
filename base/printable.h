// Text from outside, made fit for a terminal and for one line. Knows nothing of the server, so that
// noonmarkctl has it too. Pure; any thread.
#pragma once

#include <stddef.h>

// Replaces by spaces, in place, each octet of what is no printable UTF-8: control characters (C0,
// DEL and C1, in UTF-8 or as bare octets), marks that turn the writing direction round or break
// lines, and octets that are no UTF-8. The length stays.
void printable(char *text, size_t len);
