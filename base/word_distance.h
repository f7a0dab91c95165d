// How far apart two words are, to find the name that a mistyped word was meant to be. Pure; any
// thread.
#pragma once

#include <stddef.h>

enum { WORD_DISTANCE_MAX_LEN = 40 };

// The least number of letters to insert, remove, replace, or exchange with the next one (optimal
// string alignment). Both words have at most WORD_DISTANCE_MAX_LEN letters.
size_t word_distance(const char *a, const char *b);
