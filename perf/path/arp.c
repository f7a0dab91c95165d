#include "perf/path/arp.h"

#include "base/bytes.h"

#include <string.h>

enum {
    ETHERNET = 1,
    IPV4 = 0x0800,
};

bool arp_read(const uint8_t *at, uint32_t len, struct arp *arp)
{
    if (len < ARP_LEN || be16_get(at) != ETHERNET || be16_get(at + 2) != IPV4 || at[4] != 6 ||
        at[5] != 4)
        return false;
    arp->operation = be16_get(at + 6);
    memcpy(arp->sender_mac, at + 8, 6);
    arp->sender = be32_get(at + 14);
    memcpy(arp->target_mac, at + 18, 6);
    arp->target = be32_get(at + 24);
    return true;
}

void arp_write(const struct arp *arp, uint8_t at[ARP_LEN])
{
    be16_put(at, ETHERNET);
    be16_put(at + 2, IPV4);
    at[4] = 6;
    at[5] = 4;
    be16_put(at + 6, arp->operation);
    memcpy(at + 8, arp->sender_mac, 6);
    be32_put(at + 14, arp->sender);
    memcpy(at + 18, arp->target_mac, 6);
    be32_put(at + 24, arp->target);
}
