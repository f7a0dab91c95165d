// The client's half of an AEAD over lanes: messages side by side, each with a key of its own. The
// load tester uses it to seal requests and open replies; the server does neither, and links none of
// it. The results are those of the row's seal and open (aead.h), bit for bit. For AEAD 15 (RFC
// 5297) S2V runs over (AD, nonce, plaintext), and a sealed message is
//
//   sealed     | tag 16 | ciphertext: len octets |
//
// Plaintexts have any length, because other servers' cookies have other lengths than ours. A
// function decrypts without checking the tag: a tester under load needs the fresh cookies of each
// reply, but verifies only a sample.
//
// The input is raw keys; schedules are made again in each call. A lane costs least in a batch whose
// lanes all have the same lengths: lanes of one shape advance together.
//
// Pure; a struct client_lanes belongs to one thread. The kernels wipe all that is derived from
// keys.
#pragma once

#include "base/lane_set.h"
#include "crypto/aead.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CLIENT_LANES_LEN_MIN = 16,  // of associated data, and of a plaintext to be opened
    CLIENT_LANES_AD_MAX = 1536, // more than any frame has
    CLIENT_LANES_BLOCK = 16,
};

// Lanes outside the set of a call are not read, and only the memory that is named here is read or
// written. Ciphertexts are read and plaintexts written in whole blocks: up to 15 octets after each,
// until len is a multiple of CLIENT_LANES_BLOCK, are accessed, too, and what is written there has
// no meaning. Outputs must not overlap any input. Lanes may share inputs: a key, a nonce.
struct client_lanes {
    const uint8_t *key[LANES];    // the octets of one key of the row
    const uint8_t *ad[LANES];     // seal, open: ad_len octets
    const uint8_t *nonce[LANES];  // seal, open: the row's own nonce length
    uint8_t *tag[LANES];          // seal: the tag, written
    const uint8_t *sealed[LANES]; // open, decrypt: tag and ciphertext, in the AEAD's order
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
    // Writes the plaintexts without checking AD, nonce or tag, for a tester that verifies a sample
    // of the replies and only counts the others: the result must not be trusted.
    void (*decrypt)(struct client_lanes *s, lane_set which);
};

// The variants of each row of aead.h, fastest first; each list ends with NULL.
extern const struct client_variant *const *const client_variants[AEAD_ROWS];

// A row's variant with that name; "auto" is the fastest that this machine can run. NULL when there
// is no such variant or the machine cannot run it.
const struct client_variant *client_variant_named(enum aead_row row, const char *name);
