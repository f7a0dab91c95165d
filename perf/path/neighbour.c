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

// Where the body behind Ethernet and its tags begins, and its type; 0 when there is none.
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

// Is it a MAC address that one machine has, and not ours?
static bool is_other(const uint8_t mac[6], const uint8_t ours[6])
{
    return (mac[0] & 1) == 0 && memcmp(mac, ours, 6) != 0;
}

// Ethernet's head of an answer: back to whoever asked, in the same VLANs.
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
    struct arp asked;
    if (!arp_read(frame + at, len - at, &asked) || asked.operation != ARP_REQUEST ||
        !is_other(asked.sender_mac, mac))
        return 0;
    struct address target = {.family = AF_INET, .low = asked.target};
    if (asked.sender == asked.target || !endpoints_have(ours, &target))
        return 0; // RFC 5227: who asks for its own address announces it
    struct arp told = {.operation = ARP_REPLY, .sender = asked.target, .target = asked.sender};
    memcpy(told.sender_mac, mac, 6);
    memcpy(told.target_mac, asked.sender_mac, 6);
    put_ethernet(answer, asked.sender_mac, mac, frame, at);
    arp_write(&told, answer + at);
    return at + ARP_LEN;
}

static uint32_t answer_nd(const struct endpoints *ours, const uint8_t mac[6], const uint8_t *frame,
                          uint32_t len, uint32_t at, uint8_t *answer)
{
    struct nd asked;
    if (!nd_read(frame + at, len - at, &asked) || asked.type != ND_SOLICITATION ||
        !endpoints_have(ours, &asked.target))
        return 0;
    struct nd told = {
        .type = ND_ADVERTISEMENT,
        .flags = ND_OVERRIDE,
        .source = asked.target,
        .destination = {.family = AF_INET6, .high = UINT64_C(0xff02) << 48, .low = 1},
        .target = asked.target,
        .has_mac = true,
    };
    uint8_t to[6];
    memcpy(told.mac, mac, 6);
    memcpy(to, asked.has_mac ? asked.mac : frame + 6, 6);
    // Section 7.2.4: who asks without an address is told with all others.
    if ((asked.source.high | asked.source.low) == 0) {
        nd_group_mac(&told.destination, to);
    } else if (is_other(to, mac)) {
        told.destination = asked.source;
        told.flags |= ND_SOLICITED;
    } else {
        return 0;
    }
    put_ethernet(answer, to, mac, frame, at);
    nd_write(&told, answer + at);
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

static uint32_t put_question_head(const struct neighbour_question *question, const uint8_t to[6],
                                  uint16_t type, uint8_t *frame)
{
    memcpy(frame, to, 6);
    memcpy(frame + 6, question->mac, 6);
    uint32_t at = ETHERNET_LEN - 2;
    for (unsigned i = 0; i < question->n_tags; i++, at += VLAN_LEN) {
        be16_put(frame + at, i + 1 < question->n_tags ? ETHERTYPE_QINQ : ETHERTYPE_VLAN);
        be16_put(frame + at + 2, question->tag[i]);
    }
    be16_put(frame + at, type);
    return at + 2;
}

uint32_t neighbour_ask(const struct neighbour_question *question,
                       uint8_t frame[NEIGHBOUR_FRAME_MAX])
{
    if (question->target.family == AF_INET) {
        struct arp arp = {.operation = ARP_REQUEST,
                          .sender = (uint32_t)question->source.low,
                          .target = (uint32_t)question->target.low};
        memcpy(arp.sender_mac, question->mac, 6);
        uint32_t at = put_question_head(question, broadcast, ETHERTYPE_ARP, frame);
        arp_write(&arp, frame + at);
        return at + ARP_LEN;
    }
    struct nd nd = {
        .type = ND_SOLICITATION,
        .source = question->source,
        .destination = nd_solicited_group(&question->target),
        .target = question->target,
        .has_mac = true,
    };
    uint8_t to[6];
    memcpy(nd.mac, question->mac, 6);
    nd_group_mac(&nd.destination, to);
    uint32_t at = put_question_head(question, to, ETHERTYPE_IPV6, frame);
    nd_write(&nd, frame + at);
    return at + ND_LEN;
}

bool neighbour_told(const struct neighbour_question *question, const uint8_t *frame, uint32_t len,
                    uint8_t mac[6])
{
    uint16_t type = 0;
    uint32_t at = body_at(frame, len, &type);
    struct arp arp;
    struct nd nd;
    const uint8_t *said = NULL;
    if (at == 0)
        return false;
    if (type == ETHERTYPE_ARP && question->target.family == AF_INET &&
        arp_read(frame + at, len - at, &arp) && arp.operation == ARP_REPLY &&
        arp.sender == question->target.low)
        said = arp.sender_mac;
    if (type == ETHERTYPE_IPV6 && question->target.family == AF_INET6 &&
        nd_read(frame + at, len - at, &nd) && nd.type == ND_ADVERTISEMENT &&
        address_equal(&nd.target, &question->target))
        said = nd.has_mac ? nd.mac : frame + 6;
    if (!said || !is_other(said, question->mac))
        return false;
    memcpy(mac, said, 6);
    return true;
}
