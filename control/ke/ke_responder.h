// Makes the answers of a loop, from the current cookie keys, random octets for nonces, and the
// server's own settings.
//
// Belongs to one loop. Contains cookie keys and generator state: wiped by ke_responder_wipe. RFC
// 8915, sections 4.1.6, 4.3 and 6.
#pragma once

#include "board/ke_counters.h"
#include "board/key_counters.h"
#include "board/keyring.h"
#include "control/ke/ke_pool.h"
#include "control/ke/ke_records.h"
#include "crypto/rng.h"

#include <openssl/ssl.h>

// An exchange of a connection: what led to it, and what follows.
struct ke_exchange {
    bool kept;           // a pool's connection that has stayed before: no keys of it are exported
    bool followed;       // octets have come behind the request
    bool keep;           // out: the connection stays for another request
    enum ke_counter end; // out: how the connection is counted if this was its last request
};

struct ke_responder {
    const char *ntp_server;
    uint16_t udp_port;
    const struct ke_tokens *tokens; // NULL: nobody is a pool
    uint32_t kept_most;             // connections that stay, of all loops
    struct ke_counters *counters;
    const struct snapshot *ring; // the board's
    struct keyring_view keys;
    struct key_counters *sealed;      // of all loops together; NULL: not counted
    uint8_t key_row[COOKIE_KEYS_MAX]; // of each key of the view, there
    struct rng rng;
    uint64_t seeded_ns;
};

// Ring, counters and sealed, which may be NULL, must outlive the responder. The caller sets the
// members above them, which must outlive it as long as they have no other value.
void ke_responder_open(struct ke_responder *responder, const struct snapshot *ring,
                       struct ke_counters *counters, struct key_counters *sealed);

// Writes the whole response over the request in octets (len octets, framing ended). Returns its
// length. With exchange->keep a place among the kept connections was taken, if it is the first
// time.
size_t ke_responder_answer(struct ke_responder *responder, SSL *session,
                           uint8_t octets[KE_REQUEST_MAX], size_t len,
                           struct ke_exchange *exchange);

// Gives the place of a kept connection back.
void ke_responder_let_go(struct ke_counters *counters);

void ke_responder_wipe(struct ke_responder *responder);
