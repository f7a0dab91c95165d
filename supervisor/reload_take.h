// What the supervisor itself does once all children have agreed to a reload. Single-threaded; never
// waits.
#pragma once

#include "supervisor/reload.h"

#include <stdbool.h>
#include <stdint.h>

// True when the new configuration changes that setting.
bool reload_changes(const struct reload *r, const char *path);

// Takes the new configuration over. From here on nothing can fail: a child that is started from now
// on gets what is held. The children that serve are told afterwards (reload_parts.h).
void reload_take(struct reload *r, uint64_t now_ms);
