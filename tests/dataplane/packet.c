// Building requests and frames.
#include "tests/dataplane/packet.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const struct frame_shape frame_default = {
    .ip_version = 4,
    .source_port = 40000,
    .destination_port = 123,
    .source = {192, 0, 2, 1},
    .destination = {198, 51, 100, 7},
    .source_mac = {2, 0, 0, 0, 0, 1},
    .destination_mac = {2, 0, 0, 0, 0, 2},
};

const struct frame_shape frame_default_v6 = {
    .ip_version = 6,
    .source_port = 40000,
    .destination_port = 123,
    .source = {0x20, 1, 0xd, 0xb8, [15] = 1},
    .destination = {0x20, 1, 0xd, 0xb8, [14] = 0xbe, 0xef},
    .source_mac = {2, 0, 0, 0, 0, 1},
    .destination_mac = {2, 0, 0, 0, 0, 2},
};

static void put16(uint8_t *at, unsigned v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

void packet_add(struct packet *packet, const void *octets, uint32_t len)
{
    assert(packet->len + len <= PACKET_MAX);
    if (len > 0)
        memcpy(packet->at + packet->len, octets, len);
    packet->len += len;
}

void packet_fill(struct packet *packet, uint8_t octet, uint32_t len)
{
    assert(packet->len + len <= PACKET_MAX);
    memset(packet->at + packet->len, octet, len);
    packet->len += len;
}

struct packet packet_ntp(unsigned version, unsigned mode)
{
    static const uint8_t transmit[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    struct packet packet = {.at = {(uint8_t)(version << 3 | mode), 0, 6, 0x20}, .len = 40};
    packet_add(&packet, transmit, sizeof transmit);
    return packet;
}

void packet_field_header(struct packet *packet, uint16_t type, uint16_t length)
{
    uint8_t header[4];
    put16(header, type);
    put16(header + 2, length);
    packet_add(packet, header, sizeof header);
}

void packet_field(struct packet *packet, uint16_t type, uint8_t octet, uint32_t len)
{
    packet_field_header(packet, type, (uint16_t)(4 + len));
    packet_fill(packet, octet, len);
}

void packet_authenticator(struct packet *packet, uint16_t nonce_len, uint16_t sealed_len,
                          uint32_t more)
{
    uint32_t nonce_room = (nonce_len + 3u) / 4 * 4, sealed_room = (sealed_len + 3u) / 4 * 4;
    packet_field_header(packet, 0x0404, (uint16_t)(8 + nonce_room + sealed_room + more));
    uint8_t lengths[4];
    put16(lengths, nonce_len);
    put16(lengths + 2, sealed_len);
    packet_add(packet, lengths, sizeof lengths);
    packet_fill(packet, 0x11, nonce_len);
    packet_fill(packet, 0, nonce_room - nonce_len);
    packet_fill(packet, 0x22, sealed_len);
    packet_fill(packet, 0, sealed_room - sealed_len + more);
}

// The sum of RFC 1071, word by word.
static uint32_t sum(uint32_t acc, const uint8_t *at, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        acc += i % 2 == 0 ? (uint32_t)at[i] << 8 : at[i];
    return acc;
}

static unsigned folded(uint32_t acc)
{
    while (acc >> 16 != 0)
        acc = (acc & 0xffff) + (acc >> 16);
    return ~acc & 0xffff;
}

static unsigned udp_sum(const uint8_t *addresses, uint32_t addresses_len, const uint8_t *udp,
                        uint32_t udp_len)
{
    return folded(sum(sum(17 + udp_len, addresses, addresses_len), udp, udp_len));
}

static void add_ipv4(struct packet *frame, const struct frame_shape *shape, uint32_t udp_len)
{
    uint8_t ip[20] = {0x45, 0xb8, [8] = 57, [9] = 17};
    put16(ip + 2, 20 + udp_len);
    put16(ip + 4, 0xbeef);
    memcpy(ip + 12, shape->source, 4);
    memcpy(ip + 16, shape->destination, 4);
    put16(ip + 10, folded(sum(0, ip, sizeof ip)));
    packet_add(frame, ip, sizeof ip);
}

static void add_ipv6(struct packet *frame, const struct frame_shape *shape, uint32_t udp_len)
{
    uint8_t ip[40] = {0x6b, 0x81, 0x23, 0x45, [6] = 17, [7] = 57};
    put16(ip + 4, udp_len);
    memcpy(ip + 8, shape->source, 16);
    memcpy(ip + 24, shape->destination, 16);
    packet_add(frame, ip, sizeof ip);
}

struct packet frame_around(const struct frame_shape *shape, const uint8_t *payload, uint32_t len)
{
    struct packet frame = {.len = 0};
    packet_add(&frame, shape->destination_mac, 6);
    packet_add(&frame, shape->source_mac, 6);
    for (unsigned i = 0; i < shape->n_tags; i++)
        packet_field_header(&frame, shape->tag_type[i], (uint16_t)(0x6064 + i));
    uint8_t ethertype[2];
    put16(ethertype, shape->ip_version == 4 ? 0x0800 : 0x86dd);
    packet_add(&frame, ethertype, 2);

    uint32_t addresses_len = shape->ip_version == 4 ? 8 : 32;
    if (shape->ip_version == 4)
        add_ipv4(&frame, shape, 8 + len);
    else
        add_ipv6(&frame, shape, 8 + len);
    uint8_t *udp = frame.at + frame.len;
    packet_fill(&frame, 0, 8);
    put16(udp, shape->source_port);
    put16(udp + 2, shape->destination_port);
    put16(udp + 4, 8 + len);
    packet_add(&frame, payload, len);
    put16(udp + 6, udp_sum(udp - addresses_len, addresses_len, udp, 8 + len));
    return frame;
}

void frame_mend_ipv4(struct packet *frame)
{
    put16(frame->at + 24, 0);
    put16(frame->at + 24, folded(sum(0, frame->at + 14, 20)));
}

bool frame_sums_hold(const uint8_t *frame, uint32_t len)
{
    uint32_t at = 12;
    while ((frame[at] == 0x81 && frame[at + 1] == 0) ||
           (frame[at] == 0x88 && frame[at + 1] == 0xa8))
        at += 4;
    const uint8_t *ip = frame + at + 2;
    bool v4 = frame[at] == 0x08;
    const uint8_t *udp = ip + (v4 ? 20 : 40);
    if (v4 && folded(sum(0, ip, 20)) != 0)
        return false;
    if (udp[6] == 0 && udp[7] == 0)
        return false;
    uint32_t udp_len = (uint32_t)(frame + len - udp);
    if (udp_len != (uint32_t)(udp[4] << 8 | udp[5]))
        return false;
    return udp_sum(udp - (v4 ? 8 : 32), v4 ? 8 : 32, udp, udp_len) == 0;
}

struct packet packet_from_hex(const char *hex)
{
    struct packet packet = {.len = 0};
    unsigned octet;
    for (; sscanf(hex, "%2x", &octet) == 1; hex += 2)
        packet_fill(&packet, (uint8_t)octet, 1);
    return packet;
}
