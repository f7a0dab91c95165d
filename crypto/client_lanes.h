// The client's half of an AEAD over lanes, messages side by side, each under a key of its own. A
// load tester seals its requests and opens the replies with it; the server does neither, and links
// none of it. Bit for bit what the row's seal and open compute (aead.h). Of AEAD 15 (RFC 5297) S2V
// runs over (AD, nonce, plaintext), and a sealed message is
//
//   sealed     | tag 16 | ciphertext: len octets |
//
// Plaintexts have any length, because the cookies of other servers have other lengths than ours. It
// can decrypt without checking the tag: a tester under load needs the fresh cookies of each reply,
// but the proof of a sample only.
//
// Raw keys come in, schedules are made anew in each call. A lane costs the least in a batch whose
// lanes have the same lengths: those of one shape go together.
//
// Pure; a struct client_lanes belongs to one thread. The kernels wipe what they derive from keys.
#pragma once

#include "base/lane_set.h"
#include "crypto/aead.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CLIENT_LANES_LEN_MIN = 16,  // of associated data, and of a plaintext that is opened
    CLIENT_LANES_AD_MAX = 1536, // more than a frame has
    CLIENT_LANES_BLOCK = 16,
};

// Of lanes that are not in the set of a call nothing is looked at, and nothing but what is named
// here is read or written. Ciphertexts are read and plaintexts written by whole blocks: up to 15
// octets behind each, as many as make len a multiple of CLIENT_LANES_BLOCK, are touched, too, and
// what lands there means nothing. What is written stands apart from all that is read. Lanes may
// share what is only read: a key, a nonce.
struct client_lanes {
    const uint8_t *key[LANES];    // as many octets as a key has
    const uint8_t *ad[LANES];     // seal, open: ad_len octets
    const uint8_t *nonce[LANES];  // seal, open: as many octets as the row says of ours
    uint8_t *tag[LANES];          // seal: the tag, written
    const uint8_t *sealed[LANES]; // open, decrypt: tag and ciphertext, as the AEAD orders them
    uint8_t *plain[LANES];        // open, decrypt: the plaintext, written
    uint16_t ad_len[LANES];       // seal, open: CLIENT_LANES_LEN_MIN to _AD_MAX, any length
    uint16_t len[LANES];          // open, decrypt: of the plaintext, CLIENT_LANES_LEN_MIN or more
};

// The variants of the kernel, chosen once at start by CPUID and XCR0.
struct client_variant {
    const char *name;
    bool (*usable)(void); // can this machine run it?
    // Seals an empty plaintext, which is a normal NTS request: writes the tags.
    void (*seal)(struct client_lanes *s, lane_set which);
    // Returns the lanes whose tag is right, with their plaintext in plain; in the others plain is
    // wiped.
    lane_set (*open)(struct client_lanes *s, lane_set which);
    // Writes the plaintexts without a look at AD, nonce or tag, for a tester that checks a sample
    // of the replies and only counts the others: what comes out is not to be trusted with anything.
    void (*decrypt)(struct client_lanes *s, lane_set which);
};

// The variants of each row of aead.h, fastest first; each list ends with NULL.
extern const struct client_variant *const *const client_variants[AEAD_ROWS];

// A row's variant of that name, "auto" for the fastest that this machine can run. NULL when there
// is no such variant or the machine cannot run it.
const struct client_variant *client_variant_named(enum aead_row row, const char *name);
