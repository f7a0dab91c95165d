// See envelope.h. The checksums are taken a word at a time, as RFC 1071 says it first.
#include "tests/oracle/envelope.h"

#include "base/bytes.h"
#include "tests/client/octets.h"

const uint8_t envelope_server_v4[4] = {192, 0, 2, 1};
const uint8_t envelope_server_v6[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1};
const uint8_t envelope_server_mac[6] = {2, 0, 0, 0, 0, 1};

static uint32_t sum(uint32_t so_far, const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        so_far += i % 2 == 0 ? (uint32_t)at[i] << 8 : at[i];
    while (so_far >> 16 != 0)
        so_far = (so_far & 0xffff) + (so_far >> 16);
    return so_far;
}

// Of UDP with the pseudo header; 0xffff when it is right.
static uint32_t udp_sum(bool v6, const uint8_t *ip, const uint8_t *udp, size_t len)
{
    uint8_t pseudo[4] = {0, 17, (uint8_t)(len >> 8), (uint8_t)len};
    uint32_t s = v6 ? sum(0, ip + 8, 32) : sum(0, ip + 12, 8);
    return sum(sum(s, pseudo, 4), udp, len);
}

struct writer {
    uint8_t *frame;
    size_t len;
};

static uint8_t *put(struct writer *w, const void *octets, size_t n)
{
    uint8_t *at = w->frame + w->len;
    if (octets != NULL)
        memcpy(at, octets, n);
    else
        memset(at, 0, n);
    w->len += n;
    return at;
}

static void put_ethernet(struct writer *w, const struct envelope *e)
{
    static const uint8_t group[6] = {0x01, 0, 0x5e, 0, 1, 1};
    static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};
    uint8_t from[6];
    octets_random(from, 6);
    from[0] = (uint8_t)((from[0] & 0xfc) | 2);
    uint8_t *to = put(w,
                      e->flaw != FLAW_GROUP_MAC ? envelope_server_mac
                      : from[1] % 2             ? group
                                                : everybody,
                      6);
    if (e->flaw == FLAW_OTHER_MAC)
        to[from[2] % 6] ^= 0x40;
    put(w, from, 6);
    unsigned tags = e->flaw == FLAW_TAGS ? 3 : e->tags;
    for (unsigned i = 0; i < tags; i++) {
        uint8_t *tag = put(w, NULL, 4);
        be16_put(tag, i + 1 < tags ? 0x88a8 : 0x8100);
        octets_random(tag + 2, 2);
    }
    uint8_t *type = put(w, NULL, 2);
    be16_put(type, e->flaw == FLAW_ETHERTYPE ? 0x0806 : e->v6 ? 0x86dd : 0x0800);
}

static uint8_t *put_v4(struct writer *w, const struct envelope *e, size_t udp_len)
{
    static const uint8_t strangers[3][4] = {{192, 0, 2, 77}, {224, 0, 1, 1}, {255, 255, 255, 255}};
    static const uint8_t nobodys[] = {0, 127, 240, 255};
    unsigned words = e->flaw == FLAW_OPTIONS ? 6 : 5;
    uint8_t *ip = put(w, NULL, words * 4);
    ip[0] = (uint8_t)(0x40 | words);
    octets_random(ip + 1, 1);
    be16_put(ip + 2, (uint16_t)(words * 4 + udp_len));
    octets_random(ip + 4, 2);
    be16_put(ip + 6, e->flaw == FLAW_FRAGMENT_FIRST   ? 0x2000
                     : e->flaw == FLAW_FRAGMENT_LATER ? 185
                     : ip[4] % 2                      ? 0x4000
                                                      : 0);
    ip[8] = (uint8_t)(1 + ip[5] % 64);
    ip[9] = e->flaw == FLAW_PROTOCOL ? 6 : 17;
    octets_random(ip + 12, 4);
    ip[12] = e->flaw == FLAW_GROUP_SOURCE ? 224
             : e->flaw == FLAW_SOURCE     ? nobodys[ip[4] % sizeof nobodys]
                                          : 10;
    if (e->flaw == FLAW_SOURCE) // 0.0.0.0 and 255.255.255.255 are groups
        ip[13] = 1;
    if (e->flaw == FLAW_SOURCE_OWN)
        memcpy(ip + 12, envelope_server_v4, 4);
    memcpy(ip + 16,
           e->flaw == FLAW_STRANGER   ? strangers[0]
           : e->flaw == FLAW_GROUP_IP ? strangers[1 + ip[5] % 2]
                                      : envelope_server_v4,
           4);
    if (words == 6)
        memset(ip + 20, 1, 4); // no operation
    uint16_t check = (uint16_t)~sum(0, ip, words * 4);
    be16_put(ip + 10, e->flaw == FLAW_CHECKSUM ? check ^ 0x0100 : check);
    return ip;
}

static uint8_t *put_v6(struct writer *w, const struct envelope *e, size_t udp_len)
{
    unsigned extra =
        e->flaw == FLAW_OPTIONS || e->flaw == FLAW_FRAGMENT_FIRST || e->flaw == FLAW_FRAGMENT_LATER
            ? 8
            : 0;
    uint8_t *ip = put(w, NULL, 40 + extra);
    ip[0] = 0x60;
    octets_random(ip + 2, 2);
    be16_put(ip + 4, (uint16_t)(extra + udp_len));
    ip[6] = e->flaw == FLAW_PROTOCOL ? 6 : e->flaw == FLAW_OPTIONS ? 60 : extra > 0 ? 44 : 17;
    ip[7] = 64;
    octets_random(ip + 8, 16);
    ip[8] = e->flaw == FLAW_GROUP_SOURCE ? 0xff : 0x20;
    if (e->flaw == FLAW_SOURCE) { // loopback, or an IPv4-mapped one
        memset(ip + 8, 0, 16);
        memcpy(ip + 18, ip[3] % 2 ? "\xff\xff\x0a\0\0\1" : "\0\0\0\0\0\1", 6);
    }
    if (e->flaw == FLAW_SOURCE_OWN)
        memcpy(ip + 8, envelope_server_v6, 16);
    memcpy(ip + 24, envelope_server_v6, 16);
    if (e->flaw == FLAW_STRANGER)
        ip[39] = 77;
    if (e->flaw == FLAW_GROUP_IP)
        ip[24] = 0xff;
    if (extra > 0) {
        ip[40] = 17;
        be16_put(ip + 42, e->flaw == FLAW_FRAGMENT_FIRST ? 1 : 185 << 3);
        if (e->flaw == FLAW_OPTIONS)
            memcpy(ip + 40, (const uint8_t[]){17, 0, 1, 4, 0, 0, 0, 0}, 8); // PadN
    }
    return ip;
}

static enum outcome outcome_of(const struct envelope *e)
{
    switch (e->flaw) {
    case FLAW_CUT:
    case FLAW_UDP_MORE:
        return DROPPED_RUNT;
    case FLAW_ETHERTYPE:
    case FLAW_TAGS:
        return DROPPED_NOT_IP;
    case FLAW_FRAGMENT_FIRST:
    case FLAW_FRAGMENT_LATER:
        return DROPPED_FRAGMENT;
    case FLAW_OPTIONS:
        return DROPPED_IP_OPTIONS;
    case FLAW_PROTOCOL:
        return DROPPED_NOT_UDP;
    case FLAW_PORT:
        return DROPPED_NOT_NTP;
    case FLAW_STRANGER:
        return e->anybody ? OUTCOMES : DROPPED_NOT_OURS;
    case FLAW_GROUP_IP: // not ours, too, and that is looked at first
        return e->anybody ? DROPPED_GROUP : DROPPED_NOT_OURS;
    case FLAW_GROUP_MAC:
    case FLAW_GROUP_SOURCE:
        return DROPPED_GROUP;
    case FLAW_OTHER_MAC:
        return e->anybody ? OUTCOMES : DROPPED_OTHER_MAC;
    case FLAW_SOURCE:
        return DROPPED_SOURCE;
    case FLAW_SOURCE_OWN:
        return e->anybody ? OUTCOMES : DROPPED_SOURCE;
    case FLAW_CHECKSUM:
        return DROPPED_CHECKSUM;
    case FLAW_SOURCE_PORT_ZERO:
        return DROPPED_PORT_ZERO;
    default:
        return OUTCOMES;
    }
}

size_t envelope_wrap(const struct envelope *e, const uint8_t *payload, size_t len,
                     uint8_t frame[ENVELOPE_MAX], size_t *payload_len, enum outcome *ended)
{
    struct writer w = {frame, 0};
    *ended = outcome_of(e);
    *payload_len = len;
    put_ethernet(&w, e);
    uint8_t *ip = e->v6 ? put_v6(&w, e, 8 + len) : put_v4(&w, e, 8 + len);
    uint8_t *udp = put(&w, NULL, 8);
    put(&w, payload, len);
    be16_put(udp, e->flaw == FLAW_SOURCE_PORT_ZERO ? 0 : e->source_port);
    be16_put(udp + 2, e->flaw == FLAW_PORT ? 124 : 123);
    be16_put(udp + 4, (uint16_t)(8 + len));
    if (e->flaw == FLAW_UDP_LESS) {
        *payload_len = len < 4 ? 0 : len - 4;
        be16_put(udp + 4, (uint16_t)(8 + *payload_len));
    }
    if (e->flaw == FLAW_UDP_MORE)
        be16_put(udp + 4, (uint16_t)(8 + len + 4));
    uint16_t check = (uint16_t)~udp_sum(e->v6, ip, udp, 8 + *payload_len);
    be16_put(udp + 6, check == 0 ? 0xffff : check);
    if (e->flaw == FLAW_CHECKSUM && e->v6)
        be16_put(udp + 6, 0);
    if (!e->v6 && ip[5] % 16 == 0)
        be16_put(udp + 6, 0); // legal over IPv4
    if (e->flaw == FLAW_PADDED)
        put(&w, NULL, 1 + len % 12);
    if (e->flaw == FLAW_CUT)
        w.len -= len > 0 ? 1 + ip[5] % len : 1;
    return w.len;
}

const char *envelope_fault(const struct envelope *e, const uint8_t *request, const uint8_t *reply,
                           size_t reply_len, const uint8_t **payload, size_t *payload_len)
{
    size_t at = 14 + 4 * (size_t)e->tags;
    size_t ip_len = e->v6 ? 40 : 20;
    if (reply_len < at + ip_len + 8)
        return "the frame is shorter than its headers";
    if (memcmp(reply, request + 6, 6) != 0 || memcmp(reply + 6, request, 6) != 0)
        return "the MAC addresses are not exchanged";
    if (memcmp(reply + 12, request + 12, at - 12) != 0)
        return "tags or EtherType are not the request's";
    const uint8_t *asked = request + at;
    const uint8_t *ip = reply + at;
    const uint8_t *udp = ip + ip_len;
    size_t udp_len = reply_len - at - ip_len;
    if (e->v6) {
        if (ip[0] >> 4 != 6 || ip[6] != 17 || ip[7] < 32)
            return "the IPv6 header is wrong";
        if (be16_get(ip + 4) != udp_len)
            return "the IPv6 length is not the frame's";
        if (memcmp(ip + 8, asked + 24, 16) != 0 || memcmp(ip + 24, asked + 8, 16) != 0)
            return "the IPv6 addresses are not exchanged";
    } else {
        if (ip[0] != 0x45 || ip[9] != 17 || ip[8] < 32)
            return "the IPv4 header is wrong";
        if (be16_get(ip + 6) != 0x4000) // RSP-9
            return "the IPv4 header does not say 'do not fragment'";
        if (be16_get(ip + 2) != 20 + udp_len)
            return "the IPv4 length is not the frame's";
        if (memcmp(ip + 12, asked + 16, 4) != 0 || memcmp(ip + 16, asked + 12, 4) != 0)
            return "the IPv4 addresses are not exchanged";
        if (sum(0, ip, 20) != 0xffff)
            return "the IPv4 checksum is wrong";
    }
    const uint8_t *asked_udp = asked + ip_len;
    if (memcmp(udp, asked_udp + 2, 2) != 0 || memcmp(udp + 2, asked_udp, 2) != 0)
        return "the ports are not exchanged";
    if (be16_get(udp + 4) != udp_len)
        return "the UDP length is not the frame's";
    if (be16_get(udp + 6) == 0 || udp_sum(e->v6, ip, udp, udp_len) != 0xffff)
        return "the UDP checksum is wrong or missing";
    *payload = udp + 8;
    *payload_len = udp_len - 8;
    return NULL;
}
