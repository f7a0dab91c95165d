// The main operation: for each lane, open a pair of keys that is sealed under a third key, check a
// message under the first key of the pair, seal the pair again n times, and seal a message under
// the second key. All lanes advance side by side; this room knows nothing of NTP.
//
// The checked message has no plaintext (AES-SIV over associated data and a nonce of 16 octets:
// every normal NTS request); the sealed message contains the fresh cookies. Other shapes are
// processed one at a time with aead.h and cookie.h, with the same results bit for bit: no random
// octets are made in here. The lengths below are those of AEAD 15, the only one with kernels; all
// lanes of a call have the same AEAD.
//
//   request    | request_len octets (AD)  |  request_seal | nonce 16 | tag 16 |
//   reply      | reply_len octets (AD)    |  reply_seal   | nonce 16 | tag 16 | plaintext: n
//   strides | a stride   | lead 4 | cookie 100 |
//
// Pure; a struct exchange belongs to one thread. The kernels wipe all that is derived from cookies.
#pragma once

#include "base/bytes.h"
#include "base/lane_set.h"
#include "crypto/aead.h"
#include "crypto/cookie_key.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    EXCHANGE_NONCE_LEN = 16,
    EXCHANGE_TAG_LEN = 16,
    EXCHANGE_COOKIES_MAX = 8,
    EXCHANGE_LEAD = 4,      // octets before each cookie, given by the caller
    EXCHANGE_AD_MIN = 16,   // octets of associated data, of request and reply
    EXCHANGE_AD_MAX = 1536, // more than any frame has
    EXCHANGE_STRIDE = EXCHANGE_LEAD + COOKIE_LEN,
    EXCHANGE_RANDOM_LEN = 16 * (1 + EXCHANGE_COOKIES_MAX), // the most that a lane can need
};

// Lanes of one shape and one cookie key can advance side by side.
struct exchange_shape {
    uint16_t request_len; // EXCHANGE_AD_MIN to _MAX, any length
    uint16_t reply_len;   // the same
    uint32_t n_cookies;   // 1 to EXCHANGE_COOKIES_MAX
};
static_assert(sizeof(struct exchange_shape) == 8, "shapes are compared as one word");

// What tells sessions apart: the first octets of a lane's C2S, which all cookies of a session have
// in common, under a secret of the caller's.
enum { EXCHANGE_SESSION_LEN = 16 };
struct exchange_sessions {
    _Alignas(16) uint8_t veil[EXCHANGE_SESSION_LEN]; // the caller's secret
    uint8_t name[LANES][EXCHANGE_SESSION_LEN];       // C2S ^ veil; of genuine lanes alone
};

struct exchange {
    uint8_t lead[EXCHANGE_LEAD];              // precedes each cookie, in all lanes
    const struct cookie_key *seal_key;        // seals every new cookie
    const struct cookie_key *open_key[LANES]; // the key that this lane's cookie names
    const uint8_t *cookie[LANES];             // COOKIE_LEN octets, id included
    const uint8_t *request[LANES];            // authenticated data of the request
    const uint8_t *request_seal[LANES];       // nonce and tag of the request
    const uint8_t *reply[LANES];              // authenticated data of the reply, complete
    uint8_t *reply_seal[LANES];               // nonce, tag and ciphertext are written here
    const uint8_t
        *random[LANES]; // 16 * (1 + n_cookies) octets: nonces of the reply and of the cookies
    struct exchange_shape shape[LANES];
    struct exchange_sessions *sessions; // run names the sessions there; NULL: nobody asks
    lane_set unopened; // run adds the lanes whose cookie did not open; the caller clears it
};

// Names the session of a lane with that C2S; nothing when sessions is NULL.
static inline void exchange_name_session(struct exchange_sessions *sessions, unsigned lane,
                                         const uint8_t *c2s)
{
    if (sessions == NULL)
        return;
    memcpy(sessions->name[lane], c2s, EXCHANGE_SESSION_LEN);
    bytes_xor16(sessions->name[lane], sessions->veil);
}

// The variants of the kernel, chosen once at start by CPUID and XCR0.
struct exchange_variant {
    const char *name;     // its name in `dataplane.crypto`
    bool (*usable)(void); // can this machine run it?
    // Runs the lanes of which; they may have different shapes. Returns the lanes whose cookie and
    // request were genuine, and adds to x->unopened the lanes whose cookie was not; in all other
    // lanes the request was not. In lanes that are not returned reply_seal contains no secret, and
    // the caller rewrites it.
    lane_set (*run)(struct exchange *x, lane_set which);
};

// The variants of each row of aead.h, fastest first; each list ends with NULL.
extern const struct exchange_variant *const *const exchange_variants[AEAD_ROWS];

// A row's variant with that name; "auto" is the fastest that this machine can run. NULL when there
// is no such variant or the machine cannot run it.
const struct exchange_variant *exchange_variant_named(enum aead_row row, const char *name);

// The variants that a core uses, one for each row.
struct exchange_kernels {
    const struct exchange_variant *of[AEAD_ROWS];
};

// The variants with that name. False, with *kernels undefined, when this machine can run none for a
// row.
bool exchange_kernels_named(const char *name, struct exchange_kernels *kernels);
