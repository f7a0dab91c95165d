// Writes the headers of requests in front of a payload: Ethernet with up to two VLAN tags, IPv4 or
// IPv6, and UDP. The constant parts and their checksums are prepared once. RFC 791, RFC 8200, RFC
// 768, IEEE 802.1Q. Pure; any thread.
#pragma once

#include "base/bytes.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/frame.h"
#include "perf/path/address.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

enum { FRAME_OUT_HEADERS_MAX = ETHERNET_LEN + VLAN_TAGS_MAX * VLAN_LEN + IPV6_LEN + UDP_LEN };

// The constant parts of all frames of a template.
struct frame_ends {
    uint8_t mac[6];      // ours
    uint8_t next_mac[6]; // of the next hop
    uint8_t n_tags;
    uint16_t tag[VLAN_TAGS_MAX]; // VLAN ids, outer first
    struct address server;
    uint16_t server_port;
    uint64_t high; // of our addresses
};

struct frame_out {
    uint8_t headers[FRAME_OUT_HEADERS_MAX];
    uint8_t len; // octets of the headers: the offset of the payload
    uint8_t ip_at;
    uint8_t udp_at;
    uint8_t version;
    uint64_t ip_sum;  // of IPv4's header without its length and source address
    uint64_t udp_sum; // of the pseudo-header and UDP's without length, source port and source
                      // address (low)
};

void frame_out_prepare(struct frame_out *out, const struct frame_ends *ends);

// Copies with two or three moves of constant size, which may overlap, instead of a call of memcpy.
// It writes nothing after the headers.
static inline void frame_out_copy_headers(const struct frame_out *out, uint8_t *frame)
{
    enum { HALF = 32 };
    static_assert(ETHERNET_LEN + IPV4_LEN + UDP_LEN >= HALF && FRAME_OUT_HEADERS_MAX <= 3 * HALF,
                  "two or three halves cover the headers");
    memcpy(frame, out->headers, HALF);
    if (out->len > 2 * HALF)
        memcpy(frame + HALF, out->headers + HALF, HALF);
    memcpy(frame + out->len - HALF, out->headers + out->len - HALF, HALF);
}

// Writes the headers in front of a payload of len octets at out->len in frame, with that source
// address (its low half) and port. Returns the length of the frame.
static inline uint16_t frame_out_write(const struct frame_out *out, uint8_t *frame, uint64_t low,
                                       uint16_t port, uint16_t len)
{
    uint8_t *ip = frame + out->ip_at;
    uint8_t *udp = frame + out->udp_at;
    uint16_t udp_len = (uint16_t)(UDP_LEN + len);
    uint64_t address =
        out->version == 4 ? __builtin_bswap32((uint32_t)low) : __builtin_bswap64(low);
    uint64_t address_sum = (address & UINT32_MAX) + (address >> 32);

    frame_out_copy_headers(out, frame);
    if (out->version == 4) {
        be16_put(ip + 2, (uint16_t)(IPV4_LEN + udp_len));
        memcpy(ip + 12, &address, 4);
        be16_put(ip + 10, checksum_fold(out->ip_sum + address_sum +
                                        checksum_word((uint16_t)(IPV4_LEN + udp_len))));
    } else {
        be16_put(ip + 4, udp_len);
        memcpy(ip + 16, &address, 8);
    }
    be16_put(udp, port);
    be16_put(udp + 4, udp_len);
    // The length is in the pseudo-header and in UDP's header.
    uint64_t sum = out->udp_sum + address_sum + checksum_word(port) + 2 * checksum_word(udp_len);
    uint16_t checksum = checksum_fold(checksum_add(sum, udp + UDP_LEN, len));
    be16_put(udp + 6, checksum == 0 ? UINT16_MAX : checksum); // RFC 768: zero means no checksum
    return (uint16_t)(out->udp_at + udp_len);
}
