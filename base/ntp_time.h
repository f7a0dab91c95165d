// NTP's 64-bit timestamp: seconds since 1900 modulo 2^32 in the high half, the fraction in the low
// half (RFC 5905, section 6). The unit is 2^-32 s, 233 ps. Sums wrap at the end of an era, as
// intended. Pure; any thread.
#pragma once

#include <stdint.h>

typedef uint64_t ntp_time;

enum { NS_PER_S = 1000000000 };

#define NTP_UNIX_OFFSET UINT64_C(2208988800) // seconds from 1900 to 1970

// From a POSIX time. nanoseconds is 0 to 999,999,999.
static inline ntp_time ntp_time_from_unix(int64_t seconds, uint32_t nanoseconds)
{
    uint64_t fraction = (((uint64_t)nanoseconds << 32) + NS_PER_S / 2) / NS_PER_S;
    return (((uint64_t)seconds + NTP_UNIX_OFFSET) << 32) + fraction;
}

// A span in nanoseconds (up to 4 s), in units of 2^-32 s.
static inline ntp_time ntp_time_span(uint32_t nanoseconds)
{
    return ((uint64_t)nanoseconds << 32) / NS_PER_S;
}
