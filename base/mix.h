// Mixing of two words, the step from which keyed hashes are made. Pure.
#pragma once

#include <stdint.h>

// Both halves of the product of two words.
static inline uint64_t mix_words(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    const wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}
