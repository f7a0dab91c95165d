// Helpers of the test client: hex conversion, the kernel's random octets, clocks, text as JSON.
// Independent of NTP.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// Reads pairs of hex digits (blanks and colons between pairs are skipped) into out. The number of
// octets, or -1 when the text is no hex or does not fit.
int octets_from_hex(const char *text, uint8_t *out, size_t room);

// "name":"68656c6c6f" to out, without a comma.
void octets_print(FILE *out, const char *name, const uint8_t *at, size_t len);

// "name":"text" with what JSON wants escaped.
void text_print(FILE *out, const char *name, const char *text);

// Kernel randomness; ends the program when there is none. After octets_seed: a sequence that the
// seed alone decides, so that a test can be run again as it was. Not for threads.
void octets_random(void *at, size_t len);
void octets_seed(uint64_t seed);

// CLOCK_MONOTONIC.
uint64_t now_ns(void);

void sleep_ms(unsigned ms);
