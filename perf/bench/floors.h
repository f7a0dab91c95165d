// The floor: the shortest time that the AES instructions of one exchange can take with an
// instruction set. It runs as many rounds as the exchange needs, in registers, without
// dependencies. Pure; any thread.
#pragma once

#include <stdbool.h>

struct floors_variant {
    const char *name; // of the variant whose floor it is
    bool (*usable)(void);
    unsigned lanes; // lanes per call of run
    void (*run)(unsigned rounds);
};

extern const struct floors_variant floor_aesni, floor_vaes256, floor_vaes512;

// Rounds of AES that one request with that many cookies needs: crypto.md's 54 blocks for one
// cookie, and three key schedules, in which a vector substitutes a word of four times as many keys.
unsigned floor_rounds(unsigned cookies);
