// The common part of the tests of crypto/: hex, and octets that are the same in every run.
#pragma once

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// Writes the octets of a hex string without blanks; returns their count.
static inline size_t from_hex(uint8_t *out, const char *hex)
{
    size_t n = 0;
    for (; hex[0] != '\0'; hex += 2) {
        uint8_t octet = 0;
        for (unsigned i = 0; i < 2; i++) {
            const char *digits = "0123456789abcdef";
            const char *digit = strchr(digits, hex[i]);
            assert(digit != NULL && hex[i] != '\0');
            octet = (uint8_t)(octet << 4 | (digit - digits));
        }
        out[n++] = octet;
    }
    return n;
}

// splitmix64: a test's own octets, the same in every run.
static inline uint64_t mixed(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static inline void fill_mixed(uint64_t *state, uint8_t *out, size_t n)
{
    for (; n > 0; n -= n < 8 ? n : 8, out += 8) {
        uint64_t octets = mixed(state);
        memcpy(out, &octets, n < 8 ? n : 8);
    }
}
