// Removes control characters from the server's answer. Done once, when the answer has been read, so
// that no code that prints a part of it can forget it.
#pragma once

#include <jansson.h>

// A copy whose strings and names are printable; NULL when memory runs out. The caller owns it.
json_t *clean_copy(const json_t *value);
