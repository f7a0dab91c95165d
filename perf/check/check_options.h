// The command line of ntsperf check.
#pragma once

#include "perf/check/check.h"

// check_options_read returns it when the check should run.
enum { CHECK_GO = -1 };

// Reads the command line into a plan. CHECK_GO, or the exit status: 0 after --help, 3 for wrong
// usage, which is on stderr.
int check_options_read(struct check_plan *plan, int argc, char **argv);
