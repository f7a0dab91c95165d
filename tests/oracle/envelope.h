// Frames around payloads: valid ones, and ones that no server may answer. Checks a reply's frame
// octet by octet. RFC 791, RFC 8200, RFC 768, IEEE 802.1Q; rules EF-8, RSP-9. Pure but for
// octets_random.
#pragma once

#include "board/counters.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ENVELOPE_MAX = 2048 };

enum envelope_flaw {
    FLAW_NONE,
    FLAW_PADDED,   // Ethernet's padding behind the IP packet: legal
    FLAW_UDP_LESS, // UDP says less than IP: the least counts
    FLAW_CUT,
    FLAW_ETHERTYPE,
    FLAW_TAGS, // three of them
    FLAW_FRAGMENT_FIRST,
    FLAW_FRAGMENT_LATER,
    FLAW_OPTIONS,
    FLAW_PROTOCOL,
    FLAW_PORT,
    FLAW_STRANGER, // addressed to another host
    FLAW_GROUP_MAC,
    FLAW_GROUP_IP,
    FLAW_GROUP_SOURCE,
    FLAW_OTHER_MAC,  // to another station
    FLAW_SOURCE,     // from where no host sends
    FLAW_SOURCE_OWN, // from the server's own address
    FLAW_CHECKSUM,
    FLAW_SOURCE_PORT_ZERO,
    FLAW_UDP_MORE, // UDP says more than IP
    FLAWS,
};

struct envelope {
    bool v6;
    bool anybody;  // the server takes frames to any address, MAC or IP: steering has decided
    unsigned tags; // VLAN, 0 to 2
    enum envelope_flaw flaw;
    uint16_t source_port;
};

extern const uint8_t envelope_server_mac[6];
extern const uint8_t envelope_server_v4[4];
extern const uint8_t envelope_server_v6[16];

// Wraps len octets into frame and returns its length. *payload_len is what the server is to see of
// them; *ended is how the frame must end, or OUTCOMES when the payload decides.
size_t envelope_wrap(const struct envelope *envelope, const uint8_t *payload, size_t len,
                     uint8_t frame[ENVELOPE_MAX], size_t *payload_len, enum outcome *ended);

// NULL when the reply's headers are right for the request's frame, to the last octet; then where
// its payload is. Otherwise what is wrong.
const char *envelope_fault(const struct envelope *envelope, const uint8_t *request,
                           const uint8_t *reply, size_t reply_len, const uint8_t **payload,
                           size_t *payload_len);
