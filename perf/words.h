// Parses and formats values for people: rates, times, shares, prefixes. Pure; any thread.
#pragma once

#include "perf/path/path.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// "250", "50k", "1.5M": per second. False when the text is not a rate.
bool words_rate(const char *text, double *rate);

// "500us", "10ms", "2s", "5m", "24h", "7d"; a number without a unit is in seconds.
bool words_time(const char *text, uint64_t *ns);

// "0.1%", or a share such as 0.001.
bool words_share(const char *text, double *share);

// "10.0.0.0/8", "fd00::/64", "192.0.2.1".
bool words_prefix(const char *text, struct path_prefix *prefix);

// "02:00:00:00:00:01".
bool words_mac(const char *text, uint8_t mac[6]);

// A whole number from low to high.
bool words_count(const char *text, double low, double high, uint32_t *n);

enum { WORDS_LEN = 32 };

// "1.23 M", "950", "12.5 k". Return text.
const char *words_of_rate(double rate, char text[WORDS_LEN]);

// "850 ns", "12.3 us", "4.56 ms", "1.20 s".
const char *words_of_ns(double ns, char text[WORDS_LEN]);

// "0 %", "0.00120 %", "12.3 %".
const char *words_of_share(double share, char text[WORDS_LEN]);
