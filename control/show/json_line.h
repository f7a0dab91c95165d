// An answer of the control socket: one JSON object on a line.
#pragma once

#include <jansson.h>

// Frees the object. JSON text ending in a newline, which the caller frees; NULL when memory is
// short.
char *json_line(json_t *object);
