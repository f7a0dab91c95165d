// The NTS client of the tests: makes cookies with the keys of the test's ring, seals requests of
// any shape, opens replies. It uses crypto/siv.h, which has its own tests against published
// vectors, and no other code of the server.
#pragma once

#include "board/keyring.h"
#include "tests/dataplane/packet.h"

#include <stdbool.h>
#include <stdint.h>

struct client {
    uint8_t c2s[32];
    uint8_t s2c[32];
    uint8_t uid[256];
    uint32_t uid_len;
    uint8_t cookie[512];
    uint32_t cookie_len;
};

// A ring of n keys with the ids 0xa0b0c000, 0xa0b0c002, .. of which `current` seals.
struct keyring_record client_ring(unsigned n, unsigned current);

// A client of its own keys and identifier (32 octets), told apart by number, with a cookie under
// one key of the ring.
struct client client_new(uint32_t number, const struct keyring_entry *key);

// What a request is like. request_default: one cookie, nonce of 16 octets, nothing encrypted.
struct request_shape {
    unsigned n_placeholders;        // in the clear, before the authenticator
    unsigned n_sealed_placeholders; // encrypted
    uint32_t placeholder_len;       // 0: the cookie's
    uint32_t nonce_len;
    uint32_t more;               // additional padding
    const struct packet *sealed; // encrypted in place of placeholders, when not NULL
};
extern const struct request_shape request_default;

// Ends a request that already has header and fields: the authenticator over all of it.
void client_seal(const struct client *client, struct packet *packet, uint32_t nonce_len,
                 const uint8_t *plain, uint32_t plain_len, uint32_t more);

// A whole request.
struct packet client_request(const struct client *client, const struct request_shape *shape);

// Reads a reply (NTP, len octets) as RFC 8915, section 5.7 has a client do, and more strictly: the
// echoed identifier, the nonce, a right tag, nothing but cookies inside and nothing behind. Returns
// the number of cookies, which go to cookies[] (room for 8, 100 octets each); -1 when anything is
// not as it must be.
int client_open(const struct client *client, const struct packet *request, const uint8_t *reply,
                uint32_t len, uint8_t cookies[8][100]);

// Is it the NAK to that request? RFC 8915, section 5.7.
bool client_is_nak(const struct client *client, const struct packet *request, const uint8_t *reply,
                   uint32_t len);
