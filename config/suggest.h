// Finds the key that a misspelt name was meant to be. Pure; any thread.
#pragma once

#include "config/schema.h"

// The path of the known key that is nearest to name: first inside parent (NULL: the top level),
// then a key with exactly that name elsewhere. NULL when none is near.
const char *suggest_key(const struct schema_key *parent, const char *name);
