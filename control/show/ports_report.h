// The ports, as a part of the status object and in full. Control's main thread.
#pragma once

#include "control/show/status.h"

#include <jansson.h>

// An array: status's member `ports`.
json_t *ports_report(const struct status_sources *sources);

// The answer to "ports": they, and the kernel's path beside them.
json_t *ports_answer(const struct status_sources *sources);
