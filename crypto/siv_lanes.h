// The client's half: AES-SIV-CMAC-256 (RFC 5297) over lanes, messages side by side, each under a
// key of its own. A load tester seals its requests and opens the replies with it; the server does
// neither. S2V runs over (AD, nonce, plaintext); a sealed message is
//
//   sealed     | tag 16 | ciphertext: len octets |
//
// Plaintexts have any length, because the cookies of other servers have other lengths than ours. It
// can decrypt without checking the tag: a tester under load needs the fresh cookies of each reply,
// but the proof of a sample only.
//
// Raw keys come in, schedules are made anew in each call. A lane costs the least in a batch whose
// lanes have the same lengths: those of one shape go together. Bit for bit what siv.h computes.
//
// Pure; a struct siv_lanes belongs to one thread. The kernels wipe what they derive from keys.
#pragma once

#include "base/lane_set.h"
#include "crypto/siv.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SIV_LANES_NONCE_LEN = 16,
    SIV_LANES_LEN_MIN = 16,  // of associated data, and of a plaintext that is opened
    SIV_LANES_AD_MAX = 1536, // more than a frame has
    SIV_LANES_BLOCK = 16,
};

// Of lanes that are not in the set of a call nothing is looked at, and nothing but what is named
// here is read or written. Ciphertexts are read and plaintexts written by whole blocks: up to 15
// octets behind each, as many as make len a multiple of SIV_LANES_BLOCK, are touched, too, and what
// lands there means nothing. What is written stands apart from all that is read. Lanes may share
// what is only read: a key, a nonce.
struct siv_lanes {
    const uint8_t *key[LANES];    // SIV_KEY_LEN octets: MAC half | CTR half
    const uint8_t *ad[LANES];     // seal, open: ad_len octets
    const uint8_t *nonce[LANES];  // seal, open: SIV_LANES_NONCE_LEN octets
    uint8_t *tag[LANES];          // seal: SIV_TAG_LEN octets, written
    const uint8_t *sealed[LANES]; // open, decrypt: tag | ciphertext
    uint8_t *plain[LANES];        // open, decrypt: the plaintext, written
    uint16_t ad_len[LANES];       // seal, open: SIV_LANES_LEN_MIN to _AD_MAX, any length
    uint16_t len[LANES];          // open, decrypt: of the plaintext, SIV_LANES_LEN_MIN or more
};

// The variants of the kernel, chosen once at start by CPUID and XCR0.
struct siv_lanes_variant {
    const char *name;
    bool (*usable)(void); // can this machine run it?
    // Seals an empty plaintext, which is a normal NTS request: writes the tags.
    void (*seal)(struct siv_lanes *s, lane_set which);
    // Returns the lanes whose tag is right, with their plaintext in plain; in the others plain is
    // wiped.
    lane_set (*open)(struct siv_lanes *s, lane_set which);
    // Writes the plaintexts without a look at AD, nonce or tag, for a tester that checks a sample
    // of the replies and only counts the others: what comes out is not to be trusted with anything.
    void (*decrypt)(struct siv_lanes *s, lane_set which);
};

// Fastest first; ends with NULL.
extern const struct siv_lanes_variant *const siv_lanes_variants[];

// The variant of that name, "auto" for the fastest that this machine can run. NULL when there is no
// such variant or the machine cannot run it.
const struct siv_lanes_variant *siv_lanes_variant_named(const char *name);
