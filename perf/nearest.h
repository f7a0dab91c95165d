// Finds the name that a mistyped one was meant to be. Pure; any thread.
#pragma once

#include <getopt.h>
#include <stddef.h>

// The name that is nearest to word, or NULL when none is near. A name that word begins counts as
// near.
const char *nearest_of(const char *word, const char *const *names, size_t n);

// For an option of the command line, "--serach=3": writes " (did you mean --search?)" with the
// nearest long option (options ends with a zero row), or "" when none is near. Returns hint.
enum { NEAREST_HINT_LEN = 64 };
const char *nearest_option(const char *word, const struct option *options,
                           char hint[NEAREST_HINT_LEN]);
