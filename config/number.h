// Numbers, fractions and times: the values of a configuration that are a uint32_t or less. The
// functions that read a value write it only when they return true. Pure; any thread.
#pragma once

#include "config/schema.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Reads digits only, up to the value `most`: no sign, no blank, no hexadecimal.
bool number_digits(const char *text, size_t len, uint64_t most, uint64_t *value);

// Reads a value that the row allows.
bool number_parse(const struct schema_key *key, const char *text, void *into);
bool number_parse_fraction(const struct schema_key *key, const char *text, void *into);
bool number_parse_duration(const struct schema_key *key, const char *text, void *into);

// The number at that place.
uint32_t number_of(const struct schema_key *key, const void *from);

// A fraction without zeros at its end: "0.25". len is 16 or more.
void number_fraction_text(uint32_t millionths, char *out, size_t len);

// A time in the largest unit that divides it: "90s", "24h". len is 16 or more.
void number_duration_text(uint32_t count, uint64_t unit_ns, char *out, size_t len);
