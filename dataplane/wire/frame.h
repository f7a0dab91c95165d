// Frames: Ethernet with up to two VLAN tags, IPv4 or IPv6, UDP; where the payload is, and the
// headers of the reply that goes back where the request came from. RFC 791, RFC 8200, RFC 768,
// IEEE 802.1Q. Knows nothing of NTP. Pure; any thread. Never reads past len.
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

// Why a frame is no UDP datagram that this server reads.
enum frame_fault {
    FRAME_GOOD,
    FRAME_RUNT,       // shorter than its headers are or say
    FRAME_NOT_IP,     // another EtherType, three tags, or a version that is not the EtherType's
    FRAME_FRAGMENT,   // never put together again
    FRAME_IP_OPTIONS, // IPv4 options, IPv6 extension headers
    FRAME_NOT_UDP,
};

// Where the parts of a good frame are. The reply has the same headers in the same places.
struct datagram {
    _Alignas(8) uint16_t ip_at;
    uint16_t udp_at;
    uint16_t payload_at;
    uint16_t payload_len; // as UDP says; what IP or Ethernet carry behind it is not read
    uint16_t source_port;
    uint16_t destination_port;
    uint8_t ip_version; // 4 or 6
};
static_assert(sizeof(struct datagram) == 16, "a lane's is found by a shift");

// Finds the parts of a frame of len octets; *d is written only when the frame is good. Lengths
// that promise more than there is make a runt; where they promise less, the least counts.
enum frame_fault frame_open(const uint8_t *frame, uint32_t len, struct datagram *d);

// The same for the frame that nearly all are: no tag, IPv4, to that port, and nothing about it that
// this header's other functions find fault with, nor a source port of 0. False says nothing, and
// leaves *d as it was.
bool frame_open_usual(const uint8_t *frame, uint32_t len, uint16_t udp_port, struct datagram *d);

// Is an address on either level multicast, broadcast or unspecified? Nobody answers such a frame,
// and nobody sends from such an address.
bool frame_is_group(const uint8_t *frame, const struct datagram *d);

// The destination's IP address: 4 or 16 octets, as ip_version says.
const uint8_t *frame_destination(const uint8_t *frame, const struct datagram *d);

// Is the IPv4 header's checksum right, and is there a UDP checksum where IPv6 demands one? The UDP
// checksum itself is not verified: what local sockets send through veth or lo carries only half of
// it, and NTS has a better one.
bool frame_checksums_hold(const uint8_t *frame, const struct datagram *d);

// Writes the headers of the reply to a frame, around a payload of len octets that already lies at
// d->payload_at in reply: addresses and ports exchanged, tags kept, checksums in full. Returns the
// octets of the whole reply.
uint32_t frame_turn_round(const uint8_t *frame, const struct datagram *d, uint8_t *reply,
                          uint32_t len);
