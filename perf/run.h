// The commands that load a server, from the plan to the exit status.
#pragma once

#include "perf/plan.h"
#include "perf/result.h"

#include <stdatomic.h>

// Set by SIGINT and SIGTERM: the run ends at once, with the result so far.
extern _Atomic bool run_must_stop;

// nts, ntp and mix. Returns the exit status.
int run_load(const struct plan *plan);

// ke. Returns the exit status.
int run_ke(const struct plan *plan);

// Resolves the plan's server and refuses it if it is not near, unless the user owns it. 0, or -1
// with a line on stderr.
int run_find_server(const struct plan *plan, struct sockaddr_storage *address);

// Runs one trial, or those of a search or a staircase, and sets result->outcome and ->search from
// them; both belong to search. 0 or -errno.
int run_trials(struct search *search, struct result *result);

// Writes the outputs of the plan. Returns the exit status.
int run_report(const struct result *result);
