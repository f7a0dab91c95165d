// The NTP header, versions 1 to 4 (RFC 5905, section 7.3): the places of its fields, and which
// packets are requests. Knows offsets and modes; nothing of time, keys or extension fields. Pure;
// any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  +---+-----+-----+---------------+---------------+---------------+
//  |LI | VN  |Mode |    stratum    |     poll      |   precision   |  0
//  +---+-----+-----+---------------+---------------+---------------+
//  |                          root delay                           |  4
//  +---------------------------------------------------------------+
//  |                        root dispersion                        |  8
//  +---------------------------------------------------------------+
//  |                         reference id                          | 12
//  +---------------------------------------------------------------+
//  |                    reference timestamp (64)                   | 16
//  +---------------------------------------------------------------+
//  |            origin timestamp (64): the client's transmit        | 24
//  +---------------------------------------------------------------+
//  |                     receive timestamp (64)                    | 32
//  +---------------------------------------------------------------+
//  |                    transmit timestamp (64)                    | 40
//  +---------------------------------------------------------------+
enum ntp_at {
    NTP_LEAP_VERSION_MODE = 0,
    NTP_STRATUM = 1,
    NTP_POLL = 2,
    NTP_PRECISION = 3,
    NTP_ROOT_DELAY = 4,
    NTP_ROOT_DISPERSION = 8,
    NTP_REFERENCE_ID = 12,
    NTP_REFERENCE_TIME = 16,
    NTP_ORIGIN = 24,
    NTP_RECEIVE = 32,
    NTP_TRANSMIT = 40,
    NTP_LEN = 48, // the header; a whole packet in versions 1 to 3
};

enum {
    NTP_PORT = 123,
    NTP_VERSION_1 = 1,
    NTP_VERSION_4 = 4,
    NTP_MODE_RESERVED = 0, // version 1 has no mode field: its clients send 0
    NTP_MODE_CLIENT = 3,
    NTP_MODE_SERVER = 4,
    NTP_LEAP_UNKNOWN = 3,
};

// RFC 5905, section 7.4: a kiss code is the reference id of a packet of stratum 0.
#define NTP_KISS_RATE UINT32_C(0x52415445) // "RATE"
#define NTP_KISS_NTSN UINT32_C(0x4e54534e) // "NTSN", RFC 8915, section 5.7

static inline unsigned ntp_version(uint8_t first)
{
    return first >> 3 & 7;
}

static inline unsigned ntp_mode(uint8_t first)
{
    return first & 7;
}

static inline uint8_t ntp_first(unsigned leap, unsigned version, unsigned mode)
{
    return (uint8_t)(leap << 6 | version << 3 | mode);
}

// Versions that are answered. Version 5 has another header, and a reply in this one's form would be
// wrong.
static inline bool ntp_version_known(unsigned version)
{
    return NTP_VERSION_1 <= version && version <= NTP_VERSION_4;
}

// Is this a client's request? Replies to modes 4 and 5 could make two servers answer each other
// without end; modes 6 and 7 are the classic amplifiers. NTPv1 clients send mode 0 from a port
// other than 123; mode 0 from port 123 comes from a server.
static inline bool ntp_is_request(unsigned version, unsigned mode, uint16_t source_port)
{
    return mode == NTP_MODE_CLIENT ||
           (version == NTP_VERSION_1 && mode == NTP_MODE_RESERVED && source_port != NTP_PORT);
}
