// Frames: Ethernet with up to two VLAN tags, IPv4 or IPv6, UDP. Finds the payload, and writes the
// headers of the reply, which goes back to the sender. RFC 791, RFC 8200, RFC 768, IEEE 802.1Q.
// Knows nothing of NTP. Pure; any thread. Never reads past len.
//
//   destination MAC 6 | source MAC 6 | [0x8100 or 0x88a8, tag] x 0..2 | EtherType 2 | IP | UDP |
//   payload
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    ETHERNET_LEN = 14,
    VLAN_LEN = 4,
    VLAN_TAGS_MAX = 2,
    IPV4_LEN = 20,
    IPV6_LEN = 40,
    UDP_LEN = 8,
    REPLY_TTL = 64,
};

// Why a frame is not a UDP datagram that this server reads.
enum frame_fault {
    FRAME_GOOD,
    FRAME_RUNT,       // shorter than its headers, or than their lengths say
    FRAME_NOT_IP,     // another EtherType, three tags, or an IP version that differs from the
                      // EtherType's
    FRAME_FRAGMENT,   // fragments are not reassembled
    FRAME_IP_OPTIONS, // IPv4 options, IPv6 extension headers
    FRAME_NOT_UDP,
};

// The places of the parts of a good frame. The reply has the same headers in the same places.
struct datagram {
    _Alignas(8) uint16_t ip_at;
    uint16_t udp_at;
    uint16_t payload_at;
    uint16_t payload_len; // as UDP says; octets of IP or Ethernet after it are not read
    uint16_t source_port;
    uint16_t destination_port;
    uint8_t ip_version; // 4 or 6
};
static_assert(sizeof(struct datagram) == 16, "a lane's is found by a shift");

// Finds the parts of a frame of len octets; *d is written only when the frame is good. When a
// header's length exceeds the octets that are there, the frame is a runt; otherwise the smallest
// length counts.
enum frame_fault frame_open(const uint8_t *frame, uint32_t len, struct datagram *d);

// The same for the usual frame: no tag, IPv4, to that port, and without any fault that the other
// functions of this header or source.h check; its source port is not 0. False leaves the question
// open and *d unchanged.
bool frame_open_usual(const uint8_t *frame, uint32_t len, uint16_t udp_port, struct datagram *d);

// Is an address, MAC or IP, multicast, broadcast or unspecified? Such a frame gets no reply, and no
// host sends from such an address.
bool frame_is_group(const uint8_t *frame, const struct datagram *d);

// The destination's IP address: 4 or 16 octets, as ip_version says.
const uint8_t *frame_destination(const uint8_t *frame, const struct datagram *d);

// The source's, likewise. Of an IPv4 source, the destination's 4 octets follow.
static inline const uint8_t *frame_source(const uint8_t *frame, const struct datagram *d)
{
    return frame + d->ip_at + (d->ip_version == 4 ? 12 : 8);
}

// Is the IPv4 header's checksum right, and is there a UDP checksum where IPv6 demands one? The UDP
// checksum itself is not verified: a packet from a local socket through veth or lo has only a
// partial one, and NTS has a better check.
bool frame_checksums_hold(const uint8_t *frame, const struct datagram *d);

// Writes the headers of the reply to a frame, around a payload of len octets that is already at
// d->payload_at in reply: addresses and ports exchanged, tags kept, checksums complete. Returns the
// length of the whole reply in octets.
uint32_t frame_turn_round(const uint8_t *frame, const struct datagram *d, uint8_t *reply,
                          uint32_t len);
