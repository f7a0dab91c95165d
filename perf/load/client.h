// The simulated clients: each has the keys of an NTS-KE session of its own and a jar of cookies, of
// which each is spent once (RFC 8915, section 5.7). Clients take turns.
// A struct clients belongs to one thread. Holds keys: locked memory that is wiped.
#pragma once

#include "crypto/aead.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CLIENT_JAR = 8, // RFC 8915, section 4.1.6
    CLIENT_COOKIE_MAX = 256,
};

struct client {
    uint8_t c2s[AEAD_KEY_MAX]; // as many octets count as the sessions' AEAD has
    uint8_t s2c[AEAD_KEY_MAX];
    uint8_t epoch;     // counts its sessions
    uint8_t n_cookies; // in the jar
    uint8_t oldest;    // of the jar's ring
    uint8_t in_flight; // requests that may still bring a cookie; 255 at most
    bool renewing;     // a new session has been requested
    bool struck;       // by a storm, and not recovered yet
    // Interleaved mode: of the last reply. RFC 9769, section 2.
    uint64_t server_receive; // 0: none
};

struct clients {
    uint32_t n;
    uint32_t turn;       // whose turn it is
    uint32_t n_ready;    // clients with a cookie
    uint32_t cookie_len; // of every cookie
    bool reuse;          // a cookie stays in its jar
    struct client *client;
    uint8_t *jars; // CLIENT_JAR cookies a client
};

// n clients of cookies of that length (0: they only speak plain NTP). 0 or -ENOMEM.
int clients_open(struct clients *clients, uint32_t n, uint32_t cookie_len, bool reuse);
void clients_close(struct clients *clients);

// Gives a client the keys (AEAD_KEY_MAX octets are read of each) and cookies of a new session; old
// cookies are thrown away.
void clients_equip(struct clients *clients, uint32_t number, const uint8_t *c2s, const uint8_t *s2c,
                   const uint8_t *const *cookies, unsigned n);

// Whose turn it is now, and then the next one's: any client, or one with a cookie. False when none
// has.
uint32_t clients_turn(struct clients *clients);
bool clients_turn_with_cookie(struct clients *clients, uint32_t *number);

// The client's oldest cookie. It has one.
const uint8_t *clients_cookie(const struct clients *clients, uint32_t number);

// Takes it out of the jar, unless cookies are reused; its octets stay where they are until the
// client receives new ones.
void clients_spend(struct clients *clients, uint32_t number);

// Puts a cookie into the jar; false when that is full.
bool clients_keep(struct clients *clients, uint32_t number, const uint8_t *cookie);

// Throws all of a client's cookies away.
void clients_empty(struct clients *clients, uint32_t number);

// How many more cookies than one a request should ask for that has spent its client's cookie and is
// not in flight yet: what the jar lacks that no other request is about to bring.
unsigned clients_lack(const struct clients *clients, uint32_t number);
