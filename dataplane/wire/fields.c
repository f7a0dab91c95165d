// The chain of extension fields. RFC 7822; RFC 8915, sections 5.2 to 5.6.
#include "dataplane/wire/fields.h"

#include "base/bytes.h"
#include "dataplane/wire/ntp.h"

struct field_cursor field_cursor_over(const uint8_t *bytes, uint32_t at, uint32_t end,
                                      uint32_t least)
{
    return (struct field_cursor){.bytes = bytes, .at = at, .end = end, .least = least};
}

static uint32_t padded(uint32_t len)
{
    return (len + 3) & ~UINT32_C(3);
}

bool authenticator_open(const uint8_t *bytes, const struct field *field,
                        const struct aead_lengths *aead, struct authenticator *a)
{
    if (field->len < AUTHENTICATOR_LENGTHS_LEN)
        return false;
    uint32_t body_at = field->at + FIELD_HEADER_LEN;
    uint32_t nonce_len = be16_get(bytes + body_at);
    uint32_t sealed_len = be16_get(bytes + body_at + 2);

    // "Nonce Length" and "Ciphertext Length" give the octets present; both are padded.
    uint32_t used = AUTHENTICATOR_LENGTHS_LEN + padded(nonce_len) + padded(sealed_len);
    if (used > field->len)
        return false;

    // An AEAD takes nonces of certain lengths, and its output is never shorter than its tag.
    if (nonce_len < aead->nonce_least || nonce_len > aead->nonce_most || sealed_len < aead->tag)
        return false;

    // "Additional Padding": after a nonce shorter than the server's own there must be padding for
    // the difference, so that the reply is not longer than the request.
    uint32_t spare = field->len - used;
    if (padded(nonce_len) < aead->nonce && spare < aead->nonce - padded(nonce_len))
        return false;

    *a = (struct authenticator){
        .nonce_at = (uint16_t)(body_at + AUTHENTICATOR_LENGTHS_LEN),
        .nonce_len = (uint16_t)nonce_len,
        .sealed_at = (uint16_t)(body_at + AUTHENTICATOR_LENGTHS_LEN + padded(nonce_len)),
        .sealed_len = (uint16_t)sealed_len,
    };
    return true;
}

// RFC 7822, section 7.5.1: only its length tells what follows the header or a field. A MAC has 20
// to 24 octets, a crypto-NAK is a key id of 0, and a last field has at least 28.
static bool ends_in_mac(const uint8_t *at, uint32_t left)
{
    return (MAC_MIN <= left && left <= MAC_MAX) || (left == CRYPTO_NAK_LEN && be32_get(at) == 0);
}

void fields_walk(const uint8_t *ntp, uint32_t len, struct fields *fields)
{
    *fields = (struct fields){0};
    struct field_cursor cursor = field_cursor_over(ntp, NTP_LEN, len, FIELD_CLEAR_MIN);
    // A placeholder may come before the cookie whose length decides whether the placeholder counts.
    uint16_t placeholder_len[FIELDS_MAX];
    unsigned n_placeholders = 0;

    while (!fields->has_authenticator && cursor.at < len) {
        if (ends_in_mac(ntp + cursor.at, len - cursor.at)) {
            fields->mac = true;
            return;
        }
        struct field field;
        if (len - cursor.at < FIELD_LAST_MIN || !field_next(&cursor, &field)) {
            fields->broken = true;
            return;
        }
        if (field.type == FIELD_UNIQUE_IDENTIFIER) {
            if (fields->n_uid++ == 0)
                fields->uid = field;
        } else if (field.type == FIELD_COOKIE) {
            if (fields->n_cookies++ == 0)
                fields->cookie = field;
        } else if (field.type == FIELD_COOKIE_PLACEHOLDER) {
            placeholder_len[n_placeholders++] = field.len;
        } else if (field.type == FIELD_AUTHENTICATOR) {
            fields->authenticator = field;
            fields->has_authenticator = true;
        } else if (field.type == FIELD_INSTANCE_ID) {
            fields->asks_id |= field.len == FIELD_INSTANCE_ID_LEN;
        }
    }

    for (unsigned i = 0; i < n_placeholders; i++)
        fields->n_placeholders += fields->n_cookies > 0 && placeholder_len[i] == fields->cookie.len;
}

// fields_usual for one AEAD. Its lengths are constants to the compiler.
static inline bool is_usual_of(const struct aead_lengths *aead, const uint8_t *ntp, uint32_t len,
                               struct fields *fields, struct authenticator *a)
{
    enum {
        UID_AT = NTP_LEN,
        COOKIE_AT = UID_AT + FIELD_HEADER_LEN + FIELDS_USUAL_UID_LEN,
        PLACEHOLDERS_MAX = FIELDS_MAX - 3,
    };
    const uint32_t placeholder_len = FIELD_HEADER_LEN + aead->cookie;
    const uint32_t placeholders_at = COOKIE_AT + placeholder_len;
    const uint32_t body_len = AUTHENTICATOR_LENGTHS_LEN + aead->nonce + aead->tag;
    const uint32_t whole_len = FIELD_HEADER_LEN + body_len;
    if (len < placeholders_at + whole_len ||
        be32_get(ntp + UID_AT) != field_header(FIELD_UNIQUE_IDENTIFIER, FIELDS_USUAL_UID_LEN) ||
        be32_get(ntp + COOKIE_AT) != field_header(FIELD_COOKIE, aead->cookie))
        return false;

    uint32_t at = len - whole_len;
    uint32_t n = 0;
    for (uint32_t p = placeholders_at; p < at; p += placeholder_len, n++) {
        if (be32_get(ntp + p) != field_header(FIELD_COOKIE_PLACEHOLDER, aead->cookie))
            return false;
    }
    if (at != placeholders_at + n * placeholder_len || n > PLACEHOLDERS_MAX ||
        be32_get(ntp + at) != field_header(FIELD_AUTHENTICATOR, body_len) ||
        be32_get(ntp + at + FIELD_HEADER_LEN) != authenticator_lengths(aead->nonce, aead->tag))
        return false;

    *fields = (struct fields){
        .uid = {FIELD_UNIQUE_IDENTIFIER, UID_AT, FIELDS_USUAL_UID_LEN},
        .cookie = {FIELD_COOKIE, COOKIE_AT, aead->cookie},
        .authenticator = {FIELD_AUTHENTICATOR, (uint16_t)at, (uint16_t)body_len},
        .n_uid = 1,
        .n_cookies = 1,
        .n_placeholders = (uint8_t)n,
        .has_authenticator = true,
    };
    uint32_t nonce_at = at + FIELD_HEADER_LEN + AUTHENTICATOR_LENGTHS_LEN;
    *a = (struct authenticator){
        .nonce_at = (uint16_t)nonce_at,
        .nonce_len = aead->nonce,
        .sealed_at = (uint16_t)(nonce_at + aead->nonce),
        .sealed_len = aead->tag,
    };
    return true;
}

bool fields_usual(const uint8_t *ntp, uint32_t len, struct fields *fields, struct authenticator *a)
{
    for (enum aead_row row = 0; row < AEAD_ROWS; row++)
        if (is_usual_of(&aead_lengths[row], ntp, len, fields, a))
            return true;
    return false;
}

bool fields_count_sealed(const uint8_t *plain, uint32_t len, uint32_t cookie_len,
                         uint32_t *n_placeholders)
{
    struct field_cursor cursor = field_cursor_over(plain, 0, len, FIELD_SEALED_MIN);
    struct field field;
    uint32_t n = 0;
    while (field_next(&cursor, &field)) {
        if (field.type == FIELD_AUTHENTICATOR)
            return false;
        n += field.type == FIELD_COOKIE_PLACEHOLDER && field.len == cookie_len;
    }
    if (cursor.broken)
        return false;
    *n_placeholders = n;
    return true;
}
