// The AEADs that NTS sessions may have, one row each: name and number, the lengths of its parts,
// and its functions for one message. All other rooms use a row; none names an AEAD.
//
// To add an AEAD, add a row to each of these: enum aead_row and aead_lengths below, aead_rows
// (aead.c), exchange_variants (exchange.h: the server's batch), client_variants (client_lanes.h:
// the client's batch). The batches have tables of their own, so that a program links only the half
// that it uses.
//
// RFC 8915, sections 5.6, 5.7 and 6; RFC 5116 for the terms; RFC 5297 for AEAD 15. Pure; any
// thread.
#pragma once

#include "base/bytes.h"
#include "crypto/cookie_key.h"
#include "crypto/siv.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// In the order in which our own client prefers them. The server follows its client's order.
enum aead_row {
    AEAD_SIV_CMAC_256, // AES-SIV-CMAC-256 (RFC 5297): every NTS implementation has it
    AEAD_ROWS,         // also the result "no row" of a search
};

// The maximum of all rows, for buffers. Octets.
enum {
    AEAD_KEY_MAX = 32,
    AEAD_COOKIE_MAX = COOKIE_KEYS_AT + 2 * AEAD_KEY_MAX,
};
static_assert((int)AEAD_KEY_MAX >= (int)SIV_KEY_LEN, "every row's key fits");

// Octets.
struct aead_lengths {
    uint16_t key; // of C2S, and of S2C
    // Of the nonces that we make, a multiple of 4. RFC 8915, section 5.6 calls it N_REQ, and
    // demands that a request leaves this much space.
    uint16_t nonce;
    // Of the nonces that we accept: RFC 5116's N_MIN and N_MAX, as far as a field can encode them.
    uint16_t nonce_least;
    uint16_t nonce_most;
    uint16_t tag;    // a sealed message is this much longer than its plaintext
    uint16_t cookie; // of a session's cookies: identifies the session's row (cookie_key.h)
};

// By row. Defined in the header, so that the compiler sees constants.
static const struct aead_lengths aead_lengths[AEAD_ROWS] = {
    [AEAD_SIV_CMAC_256] =
        {
            .key = SIV_KEY_LEN,
            .nonce = 16,
            .nonce_least = 1,
            .nonce_most = UINT16_MAX,
            .tag = SIV_TAG_LEN,
            .cookie = COOKIE_KEYS_AT + 2 * SIV_KEY_LEN,
        },
};

// The row of a session with cookies of that length, or AEAD_ROWS.
static inline enum aead_row aead_row_of_cookie(uint32_t cookie_len)
{
    for (enum aead_row row = 0; row < AEAD_ROWS; row++)
        if (cookie_len == aead_lengths[row].cookie)
            return row;
    return AEAD_ROWS;
}

struct aead {
    uint16_t id; // in IANA's registry of AEADs: used in NTS-KE and by the TLS exporter
    enum aead_row row;
    const struct aead_lengths *lengths; // of this row
    const char *name;                   // its spelling in the registry

    // Seals len octets of plain (may be NULL when len is 0) into out, lengths->tag + len octets,
    // which must not overlap the input. nonce.len is nonce_least to nonce_most. Leaves no secrets
    // behind.
    void (*seal)(const uint8_t *key, struct bytes_span ad, struct bytes_span nonce,
                 const uint8_t *plain, size_t len, uint8_t *out);

    // Opens len octets of sealed into plain: len - lengths->tag octets, NULL when that is 0. False,
    // with plain wiped, when they are not genuine; also when len is less than the tag, and then
    // nothing is written. Compares in constant time. Leaves no secrets behind.
    bool (*open)(const uint8_t *key, struct bytes_span ad, struct bytes_span nonce,
                 const uint8_t *sealed, size_t len, uint8_t *plain);
};

extern const struct aead aead_rows[AEAD_ROWS];

// The row with that id, or NULL.
const struct aead *aead_of_id(uint16_t id);
