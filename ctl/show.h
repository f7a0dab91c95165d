// Parts of the server's objects as text for people. Missing members are left out.
#pragma once

#include "board/metrics.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

// True, with a line that says so, when the answer is of a host of that role ("ke", "ntp").
bool show_is_role(FILE *out, const json_t *answer, const char *role);

// Whether a process lives.
void show_process(FILE *out, const char *name, const json_t *process);

// A line: whether the document of a fleet is the one in etcd.
void show_etcd(FILE *out, const json_t *etcd);

// The clock as it is served.
void show_served(FILE *out, const json_t *clock);

// What ports that smear leap seconds add to the clock, if there are any.
void show_smear(FILE *out, const json_t *clock);

// The clocks of the arrival stamps.
void show_stamp_clocks(FILE *out, const json_t *clocks);

// The counters that are not zero, and what they mean.
void show_counters(FILE *out, const char *heading, enum metric_place place, const json_t *counters);

// The histogram of departure errors, without empty bins.
void show_departures(FILE *out, const json_t *bins);

// A number in another unit, or that it is not known.
void show_real(FILE *out, const char *what, const json_t *object, const char *name, double scale,
               const char *unit);
