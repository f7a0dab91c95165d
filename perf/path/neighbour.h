// Who has an address, on Ethernet: ARP and neighbour discovery as far as a host needs them that
// answers for its addresses and looks for one other. RFC 826, RFC 4861. VLAN tags are kept. Pure;
// any thread.
#pragma once

#include "dataplane/wire/frame.h"
#include "perf/path/address.h"
#include "perf/path/endpoints.h"

#include <stdbool.h>
#include <stdint.h>

// An upper bound of what is written here.
enum { NEIGHBOUR_FRAME_MAX = ETHERNET_LEN + VLAN_TAGS_MAX * VLAN_LEN + IPV6_LEN + 32 };

// The answer to a frame of len octets that asks for one of our addresses, and its octets; 0 when
// it asks for none of them or breaks a rule. mac is ours.
uint32_t neighbour_answer(const struct endpoints *ours, const uint8_t mac[6], const uint8_t *frame,
                          uint32_t len, uint8_t answer[NEIGHBOUR_FRAME_MAX]);

// The query for an address, and in which VLANs it goes out.
struct neighbour_query {
    struct address target;
    struct address source; // ours, of the same family
    uint8_t mac[6];        // ours
    uint8_t n_tags;
    uint16_t tag[VLAN_TAGS_MAX]; // VLAN ids, outer first
};

// Writes the query's frame, and returns its octets.
uint32_t neighbour_query_write(const struct neighbour_query *query,
                               uint8_t frame[NEIGHBOUR_FRAME_MAX]);

// Does the frame answer the query? Then *mac is the target's.
bool neighbour_answered(const struct neighbour_query *query, const uint8_t *frame, uint32_t len,
                        uint8_t mac[6]);
