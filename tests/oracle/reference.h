// The slow server: it decides the outcome of one UDP payload, rule by rule, from the checklist
// alone. The fast server must do the same. It uses Nettle's crypto, and no code of the server
// except the names of its counters.
//
// Pure.
#pragma once

#include "board/counters.h"
#include "board/ntp_state.h"
#include "tests/client/reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REFERENCE_KEYS = 8,
    REFERENCE_COOKIE_LEN = 100,
    REFERENCE_FIELDS_MAX = 32, // rule EF-7
};

struct reference_key {
    uint32_t id;
    uint8_t secret[SEAL_KEY_LEN];
};

struct reference_ring {
    unsigned n; // 0: none published
    unsigned current;
    struct reference_key key[REFERENCE_KEYS];
};

// The rows of the decision table, decision 12's first; more finely than the server counts them.
enum row {
    ROW_LENGTH,          // NTP-1
    ROW_VERSION,         // NTP-2
    ROW_MODE,            // NTP-3
    ROW_OLD,             // versions 1 to 3, 48 octets
    ROW_OLD_NO_MODE,     // version 1, mode 0, not from port 123
    ROW_OLD_TRAILER,     // EF-5
    ROW_MAC,             // EF-6
    ROW_CRYPTO_NAK,      // EF-3
    ROW_REMAINDER,       // EF-3: too short for a field, no MAC
    ROW_FIELD_SHORT,     // EF-1
    ROW_FIELD_UNEVEN,    // EF-1
    ROW_FIELD_LONG,      // EF-1
    ROW_FIELDS_MANY,     // EF-7
    ROW_PLAIN,           // version 4, nothing else
    ROW_PLAIN_FIELDS,    // EF-4
    ROW_PLAIN_UID,       // NTS-11
    ROW_TWICE,           // a second identifier, cookie or authenticator
    ROW_NO_UID,          //
    ROW_NO_COOKIE,       //
    ROW_NO_SEAL,         //
    ROW_UID_SHORT,       // NTS-11
    ROW_UID_LONG,        // NTS-11
    ROW_LENGTHS,         // NTS-3
    ROW_NO_NONCE,        // NTS-6
    ROW_PADDING,         // NTS-4
    ROW_NO_KEYS,         // decision 12
    ROW_COOKIE_LENGTH,   // NTS-12
    ROW_KEY_UNKNOWN,     // CK-4
    ROW_COOKIE_FORGED,   //
    ROW_SEAL_FORGED,     //
    ROW_CONTENT,         // NTS-7
    ROW_CONTENT_NESTED,  // NTS-7
    ROW_PROVEN,          // the common request
    ROW_PROVEN_NONCE,    // NTS-5, NTS-4: another nonce than 16 octets, or padding
    ROW_PROVEN_SEALED,   // NTS-7: with encrypted fields
    ROW_PROVEN_TRAILING, // NTS-8
    ROWS,
};

extern const char *const row_text[ROWS];

struct verdict {
    enum row row;
    enum outcome outcome;
    size_t uid_at; // what is echoed; uid_len 0: nothing
    size_t uid_len;
    size_t cookie_at;
    unsigned n_cookies; // of an authenticated reply
    size_t reply_len;   // exactly; 0: silence
    uint8_t c2s[SEAL_KEY_LEN];
    uint8_t s2c[SEAL_KEY_LEN];
};

// What becomes of a payload from that port.
void reference_decide(const struct reference_ring *ring, const uint8_t *ntp, size_t len,
                      uint16_t source_port, struct verdict *verdict);

// Is a reply what the verdict demands, to the last octet? NULL, or what is wrong. state is what the
// server was told of its clock; the request arrived between earliest and latest.
const char *reference_fault(const struct reference_ring *ring, const struct ntp_state *state,
                            ntp_time earliest, ntp_time latest, const struct verdict *verdict,
                            const uint8_t *request, size_t request_len, const uint8_t *reply,
                            size_t reply_len);

// Seals a cookie for these keys as checklist decision 3 lays it out.
void reference_cookie(const struct reference_key *key, const uint8_t nonce[16],
                      const uint8_t c2s[SEAL_KEY_LEN], const uint8_t s2c[SEAL_KEY_LEN],
                      uint8_t cookie[REFERENCE_COOKIE_LEN]);
