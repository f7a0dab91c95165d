// The simulated clients. Each has the keys of its own NTS-KE session and a store of cookies (its
// jar); it uses each cookie once (RFC 8915, section 5.7). Clients take turns. A struct clients
// belongs to one thread. Holds keys: locked memory that is wiped.
#pragma once

#include "crypto/aead.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CLIENT_JAR = 8, // RFC 8915, section 4.1.6
    CLIENT_COOKIE_MAX = 256,
};

struct client {
    uint8_t c2s[AEAD_KEY_MAX]; // the first octets, as many as a key of the sessions' AEAD has
    uint8_t s2c[AEAD_KEY_MAX];
    uint8_t epoch;     // counts its sessions
    uint8_t n_cookies; // in the jar
    uint8_t oldest;    // index of the oldest cookie; the jar is a ring
    uint8_t in_flight; // requests whose reply may bring a cookie; at most 255
    bool renewing;     // a new session has been requested
    bool struck;       // hit by a storm, and not yet recovered
    // Interleaved mode: from the last reply. RFC 9769, section 2.
    uint64_t server_receive; // 0: none
};

struct clients {
    uint32_t n;
    uint32_t turn;       // the client whose turn is next
    uint32_t n_ready;    // clients with a cookie
    uint32_t cookie_len; // of every cookie
    bool reuse;          // a cookie stays in the jar after its use
    struct client *client;
    uint8_t *jars; // CLIENT_JAR cookies per client
};

// Makes n clients with cookies of that length (0: plain NTP only). 0 or -ENOMEM.
int clients_open(struct clients *clients, uint32_t n, uint32_t cookie_len, bool reuse);
void clients_close(struct clients *clients);

// Gives a client the keys (AEAD_KEY_MAX octets of each are read) and cookies of a new session; old
// cookies are discarded.
void clients_equip(struct clients *clients, uint32_t number, const uint8_t *c2s, const uint8_t *s2c,
                   const uint8_t *const *cookies, unsigned n);

// Returns the next client in turn: any client, or the next one with a cookie. False when no client
// has one.
uint32_t clients_turn(struct clients *clients);
bool clients_turn_with_cookie(struct clients *clients, uint32_t *number);

// The client's oldest cookie. The client must have one.
const uint8_t *clients_cookie(const struct clients *clients, uint32_t number);

// Removes the oldest cookie from the jar, unless cookies are reused; its octets are valid until the
// client gets new ones.
void clients_spend(struct clients *clients, uint32_t number);

// Puts a cookie into the jar; false when the jar is full.
bool clients_keep(struct clients *clients, uint32_t number, const uint8_t *cookie);

// Discards all cookies of a client.
void clients_empty(struct clients *clients, uint32_t number);

// The number of placeholders for a request that has used its cookie and is not sent yet: the
// cookies that the jar lacks, without those that other requests in flight may bring.
unsigned clients_lack(const struct clients *clients, uint32_t number);
