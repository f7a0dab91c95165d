// The object of noonmarkctl limits.
#pragma once

#include "control/show/status.h"

#include <jansson.h>

json_t *limits_answer(const struct status_sources *sources);
