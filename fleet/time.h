// The times and durations of a document as text. Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLEET_YEAR_MIN = 1970, FLEET_YEAR_MAX = 2999 };

// Seconds since 1970 of the beginning of a month; month counts from 1, and may be 13 for the next
// January.
int64_t fleet_time_of_month(unsigned year, unsigned month);

// Reads "2026-12-01T00:00Z" or "2026-12-01T00:00:00Z" of exactly len octets. False: it is no such
// time, or there is no such day.
bool fleet_time_parse(const char *text, size_t len, int64_t *utc_s);

// Prints the time in the form that is read; seconds only when they are not zero. utc_s is within
// FLEET_YEAR_MIN and FLEET_YEAR_MAX. Returns the length without the NUL.
size_t fleet_time_print(int64_t utc_s, char *out, size_t size);

// Reads a whole number with s, m, h or d of exactly len octets, from 1 s to max_s.
bool fleet_duration_parse(const char *text, size_t len, uint32_t max_s, uint32_t *s);

// Prints a duration with the largest unit that is exact. Returns the length without the NUL.
size_t fleet_duration_print(uint32_t s, char *out, size_t size);
