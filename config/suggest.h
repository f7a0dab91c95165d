// The key that a misspelt one was meant to be. Pure; any thread.
#pragma once

#include "config/schema.h"

// The path of the known key nearest to name: inside parent (NULL: the top level) first, then a key
// of exactly that name elsewhere. NULL when none is near.
const char *suggest_key(const struct schema_key *parent, const char *name);
