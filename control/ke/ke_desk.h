// Where a loop makes its answers: the cookie keys of this moment, random octets for nonces, and
// what the server says of itself.
//
// Belongs to one loop. Holds cookie keys and generator state: wiped by ke_desk_wipe.
// RFC 8915, sections 4.1.6, 4.3 and 6.
#pragma once

#include "board/ke_counters.h"
#include "board/keyring.h"
#include "control/ke/ke_records.h"
#include "crypto/rng.h"

#include <openssl/ssl.h>

struct ke_desk {
    const char *ntp_server;
    uint16_t udp_port;
    const struct snapshot *ring; // the board's
    struct keyring_view keys;
    struct rng rng;
    uint64_t seeded_ns;
};

// The strings and the ring outlive the desk.
void ke_desk_open(struct ke_desk *desk, const char *ntp_server, uint16_t udp_port,
                  const struct snapshot *ring);

// Writes the whole response to the request in octets (len octets, framing ended) over it. Its
// length; *end says how the exchange counts.
size_t ke_desk_answer(struct ke_desk *desk, SSL *session, uint8_t octets[KE_REQUEST_MAX],
                      size_t len, enum ke_counter *end);

void ke_desk_wipe(struct ke_desk *desk);
