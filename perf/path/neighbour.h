// Address resolution on Ethernet: ARP and neighbour discovery for a host that answers for its own
// addresses and resolves one other address. RFC 826, RFC 4861. Keeps VLAN tags. Pure; any thread.
#pragma once

#include "dataplane/wire/frame.h"
#include "perf/path/address.h"
#include "perf/path/endpoints.h"

#include <stdbool.h>
#include <stdint.h>

// The largest frame that is written here.
enum { NEIGHBOUR_FRAME_MAX = ETHERNET_LEN + VLAN_TAGS_MAX * VLAN_LEN + IPV6_LEN + 32 };

// Writes the answer to a frame of len octets that requests the MAC address of one of our addresses.
// Returns its length; 0 when the frame is no such request or violates the RFC. mac is ours.
uint32_t neighbour_answer(const struct endpoints *ours, const uint8_t mac[6], const uint8_t *frame,
                          uint32_t len, uint8_t answer[NEIGHBOUR_FRAME_MAX]);

// A query for the MAC address of an address, and its VLANs.
struct neighbour_query {
    struct address target;
    struct address source; // ours, of the same family
    uint8_t mac[6];        // ours
    uint8_t n_tags;
    uint16_t tag[VLAN_TAGS_MAX]; // VLAN ids, outer first
};

// Writes the frame of the query and returns its length.
uint32_t neighbour_query_write(const struct neighbour_query *query,
                               uint8_t frame[NEIGHBOUR_FRAME_MAX]);

// Whether the frame answers the query; if so, sets *mac to the target's.
bool neighbour_answered(const struct neighbour_query *query, const uint8_t *frame, uint32_t len,
                        uint8_t mac[6]);
