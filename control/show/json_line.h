// An answer of the control socket: one JSON object on a line.
#pragma once

#include <jansson.h>

// Frees the object. Returns JSON text ending in a newline, which the caller frees; NULL when memory
// runs out.
char *json_line(json_t *object);
