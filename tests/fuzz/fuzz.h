// A fuzz target: a parser of octets that strangers, other programs or people write. Each target is
// a file that defines what stands here. short.c gives it its seeds and some thousand changes of
// them, always the same: a unit test, also under the sanitizers. long.c is for libFuzzer, which
// looks for new ways through the parser as long as it is told to: tests/fuzz/run.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Octets that the parser takes, or nearly; a NUL may be among them.
struct fuzz_seed {
    const char *at;
    size_t len;
};
// A text of this file's as a seed. The versions of clang-format break this line in different ways.
// clang-format off
#define SEED(text) {text, sizeof text - 1}
// clang-format on
extern const struct fuzz_seed fuzz_seeds[];
extern const size_t fuzz_n_seeds;

// Gives the octets to the parser and looks at what it makes of them. They end where a sanitizer
// would notice a read behind them. Ends the process where something is wrong.
void fuzz_one(const uint8_t *octets, size_t len);

// What must be true of each input.
static inline void must(bool condition)
{
    if (!condition)
        abort();
}

// A copy as a text, which the caller frees; the octets may hold a NUL.
static inline char *fuzz_text(const uint8_t *octets, size_t len)
{
    char *text = malloc(len + 1);
    must(text != NULL);
    if (len > 0)
        memcpy(text, octets, len);
    text[len] = '\0';
    return text;
}
