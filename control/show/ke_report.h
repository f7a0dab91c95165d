// NTS-KE, as a part of the status object and in full. Control's main thread.
#pragma once

#include "control/show/status.h"

#include <jansson.h>

// The counters of its connections: status's member `ke`.
json_t *ke_report(const struct board_ke *board);

// An array: status's member `certificates`.
json_t *certificates_report(const struct board_ke *board);

// Its process: status's member `ke_process`; null where the role has none.
json_t *ke_process_report(const struct status_sources *sources);

// The answer to "ke": they, the process, and its limits.
json_t *ke_answer(const struct status_sources *sources);
