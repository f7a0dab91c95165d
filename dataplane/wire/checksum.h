// The Internet checksum (RFC 1071): a sum that is carried in 64 bits, in the machine's own octet
// order, and folded once at the end. Pure; any thread.
#pragma once

#include <stdint.h>
#include <string.h>

// One 16-bit word of the sum, given as a number.
static inline uint64_t checksum_word(uint16_t word)
{
    return __builtin_bswap16(word);
}

// Adds len octets that start on an even place of what is summed. Up to 2^32 calls do not overflow.
static inline uint64_t checksum_add(uint64_t sum, const uint8_t *at, uint32_t len)
{
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t v;
        memcpy(&v, at, sizeof v);
        sum += (v & UINT32_MAX) + (v >> 32);
    }
    uint64_t rest = 0; // zero octets add nothing
    memcpy(&rest, at, len);
    return sum + (rest & UINT32_MAX) + (rest >> 32);
}

// The checksum as a number: what goes into the header, and 0 over a header that already holds it.
static inline uint16_t checksum_fold(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return __builtin_bswap16((uint16_t)~sum);
}
