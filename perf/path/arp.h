// ARP for IPv4 over Ethernet. RFC 826. Pure; any thread.
//
//   hardware 2 | protocol 2 | lengths 1 1 | operation 2 | sender's MAC 6, address 4 | target's 6 4
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    ETHERTYPE_ARP = 0x0806,
    ARP_LEN = 28,
    ARP_REQUEST = 1,
    ARP_REPLY = 2,
};

struct arp {
    uint16_t operation;
    uint8_t sender_mac[6];
    uint32_t sender;
    uint8_t target_mac[6];
    uint32_t target;
};

// Parses len octets. False when it is not IPv4 over Ethernet, or too short.
bool arp_read(const uint8_t *at, uint32_t len, struct arp *arp);

void arp_write(const struct arp *arp, uint8_t at[ARP_LEN]);
