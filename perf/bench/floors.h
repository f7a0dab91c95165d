// The least that the AES instructions of one exchange can take on an instruction set: as many
// rounds as it needs, in registers, with nothing to wait for. Pure; any thread.
#pragma once

#include <stdbool.h>

struct floors_variant {
    const char *name; // of the variant whose floor it is
    bool (*usable)(void);
    unsigned lanes; // whose rounds one call of run makes
    void (*run)(unsigned rounds);
};

extern const struct floors_variant floor_aesni, floor_vaes256, floor_vaes512;

// Rounds of AES that one request with that many cookies needs: crypto.md's 54 blocks for one
// cookie, and three key schedules, in which a vector substitutes a word of four times as many keys.
unsigned floor_rounds(unsigned cookies);
