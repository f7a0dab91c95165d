// The result of a health check for people and for programs.
#pragma once

#include "perf/check/check.h"

#include <stdio.h>

extern const char *const check_level_names[]; // for people: "WARNING"

// Readable lines, then the verdict; with plan->quiet only the verdict, with Nagios's performance
// data. The caller checks the stream for errors.
void check_write_text(const struct check_plan *plan, const struct check_result *result,
                      const struct check_findings *findings, FILE *out);

// One JSON object; ntsperf(1) documents its names.
void check_write_json(const struct check_plan *plan, const struct check_result *result,
                      const struct check_findings *findings, FILE *out);
