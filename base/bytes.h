// Octets: big-endian loads and stores, comparison in constant time, wiping.
// Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Octets of another owner: read, never kept.
struct bytes_span {
    const uint8_t *at;
    size_t len;
};

static inline uint16_t be16_get(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t be32_get(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return __builtin_bswap32(v);
}

static inline uint64_t be64_get(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return __builtin_bswap64(v);
}

static inline void be16_put(uint8_t *at, uint16_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

static inline void be32_put(uint8_t *at, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(at, &v, sizeof v);
}

static inline void be64_put(uint8_t *at, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(at, &v, sizeof v);
}

static inline void bytes_xor16(uint8_t to[16], const uint8_t from[16])
{
    for (unsigned i = 0; i < 16; i++)
        to[i] ^= from[i];
}

// True when n octets are equal. The time depends on n alone.
static inline bool bytes_equal_ct(const uint8_t *a, const uint8_t *b, size_t n)
{
    unsigned char differ = 0;
    for (size_t i = 0; i < n; i++)
        differ |= a[i] ^ b[i];
    __asm__("" : "+r"(differ)); // so that the compiler does not turn the loop into an early exit
    return differ == 0;
}

// Overwrites a secret; the compiler cannot remove it.
static inline void bytes_wipe(void *at, size_t n)
{
    memset(at, 0, n);
    __asm__ __volatile__("" : : "r"(at) : "memory");
}

// The value of a hexadecimal digit; -1: it is none.
static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
