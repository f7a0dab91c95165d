// Makes the answers of a loop, from the current cookie keys, random octets for nonces, and the
// server's own settings.
//
// Belongs to one loop. Contains cookie keys and generator state: wiped by ke_responder_wipe. RFC
// 8915, sections 4.1.6, 4.3 and 6.
#pragma once

#include "board/ke_counters.h"
#include "board/key_counters.h"
#include "board/keyring.h"
#include "control/ke/ke_records.h"
#include "crypto/rng.h"

#include <openssl/ssl.h>

struct ke_responder {
    const char *ntp_server;
    uint16_t udp_port;
    const struct snapshot *ring; // the board's
    struct keyring_view keys;
    struct key_counters *sealed;      // of all loops together; NULL: not counted
    uint8_t key_row[COOKIE_KEYS_MAX]; // of each key of the view, there
    struct rng rng;
    uint64_t seeded_ns;
};

// The ring must outlive the responder, and sealed, which may be NULL. The caller sets ntp_server,
// which must outlive it as long as it has no other value, and udp_port.
void ke_responder_open(struct ke_responder *responder, const struct snapshot *ring,
                       struct key_counters *sealed);

// Writes the whole response over the request in octets (len octets, framing ended). Returns its
// length; *end says how the exchange is counted.
size_t ke_responder_answer(struct ke_responder *responder, SSL *session,
                           uint8_t octets[KE_REQUEST_MAX], size_t len, enum ke_counter *end);

void ke_responder_wipe(struct ke_responder *responder);
