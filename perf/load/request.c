#include "perf/load/request.h"

#include "base/bytes.h"
#include "dataplane/wire/fields.h"
#include "dataplane/wire/ntp.h"
#include "perf/load/window.h"

#include <string.h>

// Fields that a server does not need are zero (RFC 9109, and data minimisation as in chrony).
static void put_header(uint8_t *at, uint64_t transmit)
{
    memset(at, 0, NTP_LEN);
    at[NTP_LEAP_VERSION_MODE] = ntp_first(0, NTP_VERSION_4, NTP_MODE_CLIENT);
    be64_put(at + NTP_TRANSMIT, transmit);
}

uint16_t request_plain(uint8_t *at, uint64_t transmit, uint64_t origin)
{
    put_header(at, transmit);
    if (origin != 0) {
        be64_put(at + NTP_ORIGIN, origin);
        be64_put(at + NTP_RECEIVE, transmit ^ REQUEST_INTERLEAVED_MARK);
    }
    return NTP_LEN;
}

uint32_t request_nts_len(uint32_t cookie_len, unsigned n_placeholders,
                         const struct aead_lengths *aead)
{
    return NTP_LEN + FIELD_HEADER_LEN + WINDOW_UID_LEN +
           (1 + n_placeholders) * (FIELD_HEADER_LEN + cookie_len) + request_seal_len(aead);
}

uint16_t request_nts(uint8_t *at, uint64_t transmit, const uint8_t *uid, const uint8_t *cookie,
                     uint32_t cookie_len, unsigned n_placeholders, const struct aead_lengths *aead)
{
    const uint8_t *start = at;
    put_header(at, transmit);
    at = field_put(at + NTP_LEN, FIELD_UNIQUE_IDENTIFIER, WINDOW_UID_LEN);
    memcpy(at, uid, WINDOW_UID_LEN);
    at = field_put(at + WINDOW_UID_LEN, FIELD_COOKIE, cookie_len);
    memcpy(at, cookie, cookie_len);
    at += cookie_len;
    for (unsigned i = 0; i < n_placeholders; i++) {
        at = field_put(at, FIELD_COOKIE_PLACEHOLDER, cookie_len);
        memset(at, 0, cookie_len);
        at += cookie_len;
    }
    uint16_t covered = (uint16_t)(at - start);
    at = field_put(at, FIELD_AUTHENTICATOR, request_seal_len(aead) - FIELD_HEADER_LEN);
    be32_put(at, authenticator_lengths(aead->nonce, aead->tag));
    return covered;
}

uint16_t request_garbage(uint8_t *at, uint64_t transmit, const uint8_t *random)
{
    enum { GARBAGE_LEN = 64 };
    put_header(at, transmit);
    memcpy(at + NTP_LEN, random, GARBAGE_LEN);
    // Sometimes a known type, so that parsers go deeper; a length with its low bits set.
    at[NTP_LEN] = (uint8_t)(1 + random[0] % 4);
    at[NTP_LEN + 1] = 4;
    at[NTP_LEN + 2] = 0;
    at[NTP_LEN + 3] |= 3;
    return NTP_LEN + GARBAGE_LEN;
}
