// The server's answer without what a terminal would obey. Done once, as the answer comes in, so
// that nothing that prints a part of it can forget to.
#pragma once

#include <jansson.h>

// A copy whose strings and names are printable; NULL when memory is short. The caller owns it.
json_t *clean_copy(const json_t *value);
