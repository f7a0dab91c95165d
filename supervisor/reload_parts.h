// The children's parts in a reload: who is asked to prepare, who has, and who takes it.
// Single-threaded; never waits.
#pragma once

#include "link/link.h"
#include "supervisor/life.h"
#include "supervisor/reload.h"

#include <stdbool.h>
#include <stddef.h>

// Asks each child that takes one of the settings that differ. 0, or -errno with the reason in why;
// then those that were asked are told to forget it.
int reload_parts_ask(struct reload *r, char *why, size_t len);

// Tells the children that were asked to forget the reload.
void reload_parts_cancel(struct reload *r);

// Tells all to take it. One that cannot be told is killed: the next one takes it.
void reload_parts_commit(struct reload *r);

// Kills the children in that state, which have not answered. The last one's name, for messages.
const char *reload_parts_kill_silent(struct reload *r, enum reload_part_state state);

// True when one of them is in that state.
bool reload_parts_any(const struct reload *r, enum reload_part_state state);

// The child's part; NULL: it has none.
struct reload_part *reload_part_of(struct reload *r, const struct life *child);
