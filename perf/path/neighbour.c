#include "perf/path/neighbour.h"

#include "base/bytes.h"
#include "perf/path/arp.h"
#include "perf/path/nd.h"

#include <string.h>

enum {
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_QINQ = 0x88a8,
};

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

// The offset of the payload after Ethernet's header and tags, and its type; 0 when there is none.
static uint32_t body_at(const uint8_t *frame, uint32_t len, uint16_t *type)
{
    uint32_t at = ETHERNET_LEN;
    for (int tags = 0; tags <= VLAN_TAGS_MAX && at <= len; tags++, at += VLAN_LEN) {
        *type = be16_get(frame + at - 2);
        if (*type != ETHERTYPE_VLAN && *type != ETHERTYPE_QINQ)
            return at;
    }
    return 0;
}

// Whether it is the unicast MAC address of another machine.
static bool is_other(const uint8_t mac[6], const uint8_t ours[6])
{
    return (mac[0] & 1) == 0 && memcmp(mac, ours, 6) != 0;
}

// Writes the Ethernet header of an answer: to the sender, in the same VLANs.
static void put_ethernet(uint8_t *answer, const uint8_t to[6], const uint8_t mac[6],
                         const uint8_t *frame, uint32_t at)
{
    memcpy(answer, to, 6);
    memcpy(answer + 6, mac, 6);
    memcpy(answer + 12, frame + 12, at - 12);
}

static uint32_t answer_arp(const struct endpoints *ours, const uint8_t mac[6], const uint8_t *frame,
                           uint32_t len, uint32_t at, uint8_t *answer)
{
    struct arp request;
    if (!arp_read(frame + at, len - at, &request) || request.operation != ARP_REQUEST ||
        !is_other(request.sender_mac, mac))
        return 0;
    struct address target = {.family = AF_INET, .low = request.target};
    if (request.sender == request.target || !endpoints_have(ours, &target))
        return 0; // RFC 5227: a request for the sender's own address announces it
    struct arp reply = {.operation = ARP_REPLY, .sender = request.target, .target = request.sender};
    memcpy(reply.sender_mac, mac, 6);
    memcpy(reply.target_mac, request.sender_mac, 6);
    put_ethernet(answer, request.sender_mac, mac, frame, at);
    arp_write(&reply, answer + at);
    return at + ARP_LEN;
}

static uint32_t answer_nd(const struct endpoints *ours, const uint8_t mac[6], const uint8_t *frame,
                          uint32_t len, uint32_t at, uint8_t *answer)
{
    struct nd request;
    if (!nd_read(frame + at, len - at, &request) || request.type != ND_SOLICITATION ||
        !endpoints_have(ours, &request.target))
        return 0;
    struct nd reply = {
        .type = ND_ADVERTISEMENT,
        .flags = ND_OVERRIDE,
        .source = request.target,
        .destination = {.family = AF_INET6, .high = UINT64_C(0xff02) << 48, .low = 1},
        .target = request.target,
        .has_mac = true,
    };
    uint8_t to[6];
    memcpy(reply.mac, mac, 6);
    memcpy(to, request.has_mac ? request.mac : frame + 6, 6);
    // Section 7.2.4: the answer to a solicitation from the unspecified address goes to all nodes.
    if ((request.source.high | request.source.low) == 0) {
        nd_group_mac(&reply.destination, to);
    } else if (is_other(to, mac)) {
        reply.destination = request.source;
        reply.flags |= ND_SOLICITED;
    } else {
        return 0;
    }
    put_ethernet(answer, to, mac, frame, at);
    nd_write(&reply, answer + at);
    return at + ND_LEN;
}

uint32_t neighbour_answer(const struct endpoints *ours, const uint8_t mac[6], const uint8_t *frame,
                          uint32_t len, uint8_t answer[NEIGHBOUR_FRAME_MAX])
{
    uint16_t type = 0;
    uint32_t at = body_at(frame, len, &type);
    if (at == 0 || !is_other(frame + 6, mac))
        return 0;
    if (type == ETHERTYPE_ARP)
        return answer_arp(ours, mac, frame, len, at, answer);
    return type == ETHERTYPE_IPV6 ? answer_nd(ours, mac, frame, len, at, answer) : 0;
}

static uint32_t put_query_head(const struct neighbour_query *query, const uint8_t to[6],
                               uint16_t type, uint8_t *frame)
{
    memcpy(frame, to, 6);
    memcpy(frame + 6, query->mac, 6);
    uint32_t at = ETHERNET_LEN - 2;
    for (unsigned i = 0; i < query->n_tags; i++, at += VLAN_LEN) {
        be16_put(frame + at, i + 1 < query->n_tags ? ETHERTYPE_QINQ : ETHERTYPE_VLAN);
        be16_put(frame + at + 2, query->tag[i]);
    }
    be16_put(frame + at, type);
    return at + 2;
}

uint32_t neighbour_query_write(const struct neighbour_query *query,
                               uint8_t frame[NEIGHBOUR_FRAME_MAX])
{
    if (query->target.family == AF_INET) {
        struct arp arp = {.operation = ARP_REQUEST,
                          .sender = (uint32_t)query->source.low,
                          .target = (uint32_t)query->target.low};
        memcpy(arp.sender_mac, query->mac, 6);
        uint32_t at = put_query_head(query, broadcast, ETHERTYPE_ARP, frame);
        arp_write(&arp, frame + at);
        return at + ARP_LEN;
    }
    struct nd nd = {
        .type = ND_SOLICITATION,
        .source = query->source,
        .destination = nd_solicited_group(&query->target),
        .target = query->target,
        .has_mac = true,
    };
    uint8_t to[6];
    memcpy(nd.mac, query->mac, 6);
    nd_group_mac(&nd.destination, to);
    uint32_t at = put_query_head(query, to, ETHERTYPE_IPV6, frame);
    nd_write(&nd, frame + at);
    return at + ND_LEN;
}

bool neighbour_answered(const struct neighbour_query *query, const uint8_t *frame, uint32_t len,
                        uint8_t mac[6])
{
    uint16_t type = 0;
    uint32_t at = body_at(frame, len, &type);
    struct arp arp;
    struct nd nd;
    const uint8_t *said = NULL;
    if (at == 0)
        return false;
    if (type == ETHERTYPE_ARP && query->target.family == AF_INET &&
        arp_read(frame + at, len - at, &arp) && arp.operation == ARP_REPLY &&
        arp.sender == query->target.low)
        said = arp.sender_mac;
    if (type == ETHERTYPE_IPV6 && query->target.family == AF_INET6 &&
        nd_read(frame + at, len - at, &nd) && nd.type == ND_ADVERTISEMENT &&
        address_equal(&nd.target, &query->target))
        said = nd.has_mac ? nd.mac : frame + 6;
    if (!said || !is_other(said, query->mac))
        return false;
    memcpy(mac, said, 6);
    return true;
}
