// Members of the server's objects, for printing: one that is missing or has another type is "?", 0
// or false.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

const char *member_text(const json_t *object, const char *name);
int64_t member_number(const json_t *object, const char *name);
double member_real(const json_t *object, const char *name);
bool member_yes(const json_t *object, const char *name);
