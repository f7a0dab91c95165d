// What follows from a document's secrets, the same on every node: the cookie key of each period,
// and secrets of spans from a root. HMAC, HKDF (RFC 5869) and SHA-256 of OpenSSL, which is in this
// room's derive.c alone.
//
//   period P is the P-th stretch of rotate_s seconds since 1970, UTC. It belongs to the span in
//   which it begins.
//
//     id  = first 4 octets of HMAC-SHA256(secret, "noonmark id" | BE64(P)), with the bits 1 to 4
//           replaced by the lowest four bits of P
//     key = HKDF-SHA256(secret, salt BE64(P), info "noonmark cookie v1 AEAD 15"), 32 octets:
//     cookies
//           are sealed by AEAD 15 (crypto/cookie_key.h)
//
// Ids of 16 periods in a row therefore differ even without their lowest bit (which
// crypto/cookie_key.h reserves), without a rule about collisions that would depend on which keys a
// node has.
//
// Contains key material: results must be in memory from secret.h. The first call may read
// OpenSSL's configuration: call one before the process is confined. False when OpenSSL fails
// (no memory, or a provider that lacks HKDF). Any thread.
#pragma once

#include "fleet/document.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FLEET_ROOT_MIN = 32,  // octets of a root, at least
    FLEET_ROOT_MAX = 256, // and at most
    FLEET_PERIOD_BITS = 4,
};

struct fleet_key {
    uint32_t id;
    uint8_t secret[FLEET_SECRET_LEN];
};

// The period of a time, and the time when a period begins. utc_s is not negative.
int64_t fleet_period(const struct fleet_document *document, int64_t utc_s);
int64_t fleet_period_begins(const struct fleet_document *document, int64_t period);

// The first and the last period that begin within the document's spans; last < first if there is
// none.
int64_t fleet_period_first(const struct fleet_document *document);
int64_t fleet_period_last(const struct fleet_document *document);

// The id, or the key, of a period of the document. A period before the first span is taken from the
// first one's secret, and a period after the last span from the last one's.
bool fleet_derive_id(const struct fleet_document *document, int64_t period, uint32_t *id);
bool fleet_derive_key(const struct fleet_document *document, int64_t period, struct fleet_key *key);

// The secret of a span from a root that no node knows: HKDF-SHA256(root, salt empty, info "noonmark
// fleet span " | FROM | " " | UNTIL), FROM and UNTIL as fleet_time_print writes them. Fills in
// span->secret from the span's two times.
bool fleet_derive_span(const uint8_t *root, size_t len, struct fleet_span *span);

// SHA-256 of the octets. bool as above.
bool fleet_sum(const void *octets, size_t len, uint8_t sum[32]);
