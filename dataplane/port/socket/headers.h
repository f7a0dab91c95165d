// The headers of a datagram that came without them. A socket hands out a payload and tells the
// addresses beside it; the stages read frames. So the headers that such a frame has are written in
// front of the payload. MAC addresses are zero. RFC 791, RFC 8200, RFC 768. Pure; any thread.
#pragma once

#include <stdint.h>

struct headers {
    uint8_t ip_version;         // 4 or 6
    const uint8_t *source;      // 4 or 16 octets
    const uint8_t *destination; // likewise
    uint16_t source_port;
    uint16_t destination_port;
};

enum { HEADERS_MAX = 62 }; // octets: Ethernet, IPv6, UDP

// Octets of the headers.
unsigned headers_len(unsigned ip_version);

// Writes them to the beginning of a frame, for a payload of that many octets (less than 65000).
void headers_write(uint8_t *frame, const struct headers *headers, uint32_t payload_len);
