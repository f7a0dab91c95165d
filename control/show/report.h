// Parts of the answers of the control socket. Control's main thread.
#pragma once

#include "board/board.h"
#include "board/metrics.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

void report_set_int(json_t *object, const char *name, uint64_t value);

// Adds the metrics of a struct under their names.
void report_set_metrics(json_t *object, enum metric_place place, const void *of);

// An object of the metrics of a struct.
json_t *report_metrics(enum metric_place place, const void *of);

// The number of elements that a dataplane describes on the board, at most max.
uint32_t report_bounded(const _Atomic uint32_t *n, uint32_t max);

// A text of the board.
json_t *report_text(const char text[BOARD_NAME_LEN]);

// A histogram: each bin's greatest error in ns (null for the last bin), and its count.
json_t *report_departures(const struct core_counters *sum);
