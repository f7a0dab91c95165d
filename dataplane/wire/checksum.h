// The Internet checksum (RFC 1071): the sum is kept in 64 bits, in the machine's own octet order,
// and folded once at the end. Pure; any thread.
//
// Do not sum with a wide load what was just stored in smaller pieces: the load waits until all the
// stores are done, some 15 cycles. So headers are summed from the numbers that they are made of.
#pragma once

#include <stdint.h>
#include <string.h>

// One 16-bit word of the sum, given as a number.
static inline uint64_t checksum_word(uint16_t word)
{
    return __builtin_bswap16(word);
}

// 4 octets of the summed data.
static inline uint64_t checksum_load(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

// 16 octets. Four sums, because each addition waits for the one before it.
static inline void checksum_add_block(uint64_t sum[4], const uint8_t *at)
{
    sum[0] += checksum_load(at);
    sum[1] += checksum_load(at + 4);
    sum[2] += checksum_load(at + 8);
    sum[3] += checksum_load(at + 12);
}

// The last 1 to 3 octets; missing octets count as 0.
static inline uint64_t checksum_load_end(const uint8_t *at, uint32_t len)
{
    uint64_t v = at[0];
    if (len > 1)
        v |= (uint64_t)at[1] << 8;
    if (len > 2)
        v |= (uint64_t)at[2] << 16;
    return v;
}

// Adds len octets that start at an even offset of the summed data. Up to 2^32 calls do not
// overflow.
static inline uint64_t checksum_add(uint64_t sum, const uint8_t *at, uint32_t len)
{
    uint64_t s[4] = {sum};
    for (; len >= 32; at += 32, len -= 32) {
        checksum_add_block(s, at);
        checksum_add_block(s, at + 16);
    }
    if (len >= 16) {
        checksum_add_block(s, at);
        at += 16;
        len -= 16;
    }
    for (; len >= 4; at += 4, len -= 4)
        s[0] += checksum_load(at);
    if (len > 0)
        s[1] += checksum_load_end(at, len);
    return s[0] + s[1] + s[2] + s[3];
}

// The checksum as a number: the value for the header, and 0 over a header that already holds the
// right one. Adding a number to itself rotated by half its width gives, in the upper half, the sum
// of both halves with the carry.
static inline uint16_t checksum_fold(uint64_t sum)
{
    uint32_t half = (uint32_t)((sum + (sum << 32 | sum >> 32)) >> 32);
    uint16_t quarter = (uint16_t)((half + (half << 16 | half >> 16)) >> 16);
    return __builtin_bswap16((uint16_t)~quarter);
}
