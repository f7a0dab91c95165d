// Builds requests and frames for tests, valid or invalid, octet by octet and without the code under
// test.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { PACKET_MAX = 4096 };

struct packet {
    uint8_t at[PACKET_MAX];
    uint32_t len;
};

// An NTP header with that version and mode; transmit timestamp 0x0123456789abcdef, poll 6.
struct packet packet_ntp(unsigned version, unsigned mode);

void packet_add(struct packet *packet, const void *octets, uint32_t len);
void packet_fill(struct packet *packet, uint8_t octet, uint32_t len);

// A field whose body is len times the octet; its length field says what it has.
void packet_field(struct packet *packet, uint16_t type, uint8_t octet, uint32_t len);

// A field's header alone, with the length field as given.
void packet_field_header(struct packet *packet, uint16_t type, uint16_t length);

// An authenticator of that shape: nonce and sealed octets of 0x11 and 0x22, padded to 4, then
// `more` octets of additional padding.
void packet_authenticator(struct packet *packet, uint16_t nonce_len, uint16_t sealed_len,
                          uint32_t more);

// What a frame is like. frame_default is a good one: IPv4, no tag, from 192.0.2.1:40000 to
// 198.51.100.7:123.
struct frame_shape {
    unsigned n_tags;
    uint16_t tag_type[3];
    unsigned ip_version;
    uint16_t source_port;
    uint16_t destination_port;
    uint8_t source[16];
    uint8_t destination[16];
    uint8_t source_mac[6];
    uint8_t destination_mac[6];
};
extern const struct frame_shape frame_default;    // over IPv4
extern const struct frame_shape frame_default_v6; // over IPv6

// A frame of that shape around a payload, with right lengths and checksums.
struct packet frame_around(const struct frame_shape *shape, const uint8_t *payload, uint32_t len);

// Recomputes the IPv4 header's checksum of an untagged frame after a change.
void frame_mend_ipv4(struct packet *frame);

// Are all checksums of an untagged or tagged reply right? Reads IPv4 and UDP, or IPv6 and UDP.
bool frame_sums_hold(const uint8_t *frame, uint32_t len);

// Octets from hexadecimal digits.
struct packet packet_from_hex(const char *hex);
