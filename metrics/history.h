// The last hour of the numbers that the status page draws: a point every ten seconds, in memory of
// a fixed size. Counters are kept as they are; the page computes rates.
//
// Belongs to the main thread of the metrics' process.
#pragma once

#include "metrics/exposition.h"

#include <stdint.h>
#include <stdio.h>

enum { HISTORY_STEP_S = 10, HISTORY_POINTS = 361 };

struct history;

// NULL: no memory. Freed with free().
struct history *history_make(void);

// Takes a point when one is due. now_ns is CLOCK_MONOTONIC. Returns when the next one is.
uint64_t history_turn(struct history *history, const struct exposition_sources *sources,
                      uint64_t now_ns);

// Writes one JSON object: step_s; tsc_hz; series, an object of arrays, oldest point first, with
// null for what was not known. Series that were always 0 are left out.
void history_write(const struct history *history, FILE *out);
