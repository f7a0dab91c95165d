// See reference.h. The order of the checks is the checklist's: decision 12, then the table of its
// section 7.
#include "tests/oracle/reference.h"

#include "base/bytes.h"

const char *const row_text[ROWS] = {
    [ROW_LENGTH] = "length",
    [ROW_VERSION] = "version",
    [ROW_MODE] = "mode",
    [ROW_OLD] = "version 1 to 3",
    [ROW_OLD_NO_MODE] = "version 1 without a mode",
    [ROW_OLD_TRAILER] = "version 1 to 3 with a trailer",
    [ROW_MAC] = "symmetric MAC",
    [ROW_CRYPTO_NAK] = "crypto-NAK",
    [ROW_REMAINDER] = "remainder that is nothing",
    [ROW_FIELD_SHORT] = "field too short",
    [ROW_FIELD_UNEVEN] = "field's length uneven",
    [ROW_FIELD_LONG] = "field past the end",
    [ROW_FIELDS_MANY] = "too many fields",
    [ROW_PLAIN] = "plain",
    [ROW_PLAIN_FIELDS] = "plain with fields",
    [ROW_PLAIN_UID] = "plain with an identifier",
    [ROW_NO_KEYS] = "no keys yet",
    [ROW_TWICE] = "a field twice",
    [ROW_NO_UID] = "no identifier",
    [ROW_NO_COOKIE] = "no cookie",
    [ROW_NO_SEAL] = "no authenticator",
    [ROW_UID_SHORT] = "identifier too short",
    [ROW_UID_LONG] = "identifier too long",
    [ROW_LENGTHS] = "authenticator's lengths",
    [ROW_NO_NONCE] = "no nonce",
    [ROW_PADDING] = "padding of a short nonce missing",
    [ROW_COOKIE_LENGTH] = "cookie of another length",
    [ROW_KEY_UNKNOWN] = "cookie of an unknown key",
    [ROW_COOKIE_FORGED] = "cookie forged",
    [ROW_SEAL_FORGED] = "seal forged",
    [ROW_CONTENT] = "content malformed",
    [ROW_CONTENT_NESTED] = "authenticator inside",
    [ROW_PROVEN] = "genuine",
    [ROW_PROVEN_NONCE] = "genuine, unusual nonce or padding",
    [ROW_PROVEN_SEALED] = "genuine, encrypted fields",
    [ROW_PROVEN_TRAILING] = "genuine, something behind",
};

// Fields up to and with the first authenticator.
struct chain {
    unsigned uids, cookies, seals, fields;
    size_t uid, cookie, seal; // where the first of each starts, header included
    size_t end;               // of the authenticator
};

static size_t field_len(const uint8_t *field)
{
    return be16_get(field + 2);
}

static void end(struct verdict *v, enum row row, enum outcome outcome)
{
    v->row = row;
    v->outcome = outcome;
}

// False when the row is decided. Rules EF-1 to EF-7.
static bool walk(const uint8_t *ntp, size_t len, struct chain *c, struct verdict *v)
{
    memset(c, 0, sizeof *c);
    for (size_t at = NTP_HEADER_LEN; at < len;) {
        size_t rest = len - at;
        const uint8_t *field = ntp + at;
        if (rest == 20 || rest == 24) {
            end(v, ROW_MAC, DROPPED_MAC);
            return false;
        }
        if (rest == 4 && be32_get(field) == 0) {
            end(v, ROW_CRYPTO_NAK, DROPPED_MAC);
            return false;
        }
        if (rest <= 24) {
            end(v, ROW_REMAINDER, DROPPED_FIELDS);
            return false;
        }
        if (field_len(field) < 16 || field_len(field) % 4 != 0 || field_len(field) > rest) {
            end(v,
                field_len(field) > rest     ? ROW_FIELD_LONG
                : field_len(field) % 4 != 0 ? ROW_FIELD_UNEVEN
                                            : ROW_FIELD_SHORT,
                DROPPED_FIELDS);
            return false;
        }
        if (++c->fields > REFERENCE_FIELDS_MAX) {
            end(v, ROW_FIELDS_MANY, DROPPED_FIELDS);
            return false;
        }
        unsigned type = be16_get(field);
        if (type == EF_UNIQUE_ID && c->uids++ == 0)
            c->uid = at;
        if (type == EF_COOKIE && c->cookies++ == 0)
            c->cookie = at;
        at += field_len(field);
        if (type == EF_AUTHENTICATOR) { // decision 4: what follows is not parsed
            c->seals = 1;
            c->seal = at - field_len(field);
            c->end = at;
            return true;
        }
    }
    return true;
}

// Decision table, the rows about the three fields. False when the row is decided.
static bool shape_holds(const uint8_t *ntp, const struct chain *c, struct verdict *v)
{
    size_t uid_len = c->uids > 0 ? field_len(ntp + c->uid) - EF_HEADER_LEN : 0;
    if (c->uids > 1 || c->cookies > 1)
        end(v, ROW_TWICE, DROPPED_NTS_SHAPE);
    else if (c->uids == 0)
        end(v, ROW_NO_UID, DROPPED_NTS_SHAPE);
    else if (uid_len < 32)
        end(v, ROW_UID_SHORT, DROPPED_NTS_SHAPE);
    else if (uid_len > 256)
        end(v, ROW_UID_LONG, DROPPED_NTS_SHAPE);
    else if (c->cookies == 0)
        end(v, ROW_NO_COOKIE, DROPPED_NTS_SHAPE);
    else if (c->seals == 0)
        end(v, ROW_NO_SEAL, DROPPED_NTS_SHAPE);
    else
        return true;
    return false;
}

struct lock {
    const uint8_t *nonce;
    size_t nonce_len;
    const uint8_t *sealed;
    size_t sealed_len;
    size_t spare; // octets of the field behind them
};

// Rules NTS-3, NTS-4, NTS-6. False when the row is decided.
static bool lengths_hold(const uint8_t *ntp, const struct chain *c, struct lock *lock,
                         struct verdict *v)
{
    const uint8_t *body = ntp + c->seal + EF_HEADER_LEN;
    size_t body_len = field_len(ntp + c->seal) - EF_HEADER_LEN;
    lock->nonce_len = be16_get(body);
    lock->sealed_len = be16_get(body + 2);
    size_t nonce_room = (lock->nonce_len + 3) / 4 * 4;
    size_t sealed_room = (lock->sealed_len + 3) / 4 * 4;
    if (4 + nonce_room + sealed_room > body_len || lock->sealed_len < SEAL_TAG_LEN) {
        end(v, ROW_LENGTHS, DROPPED_NTS_LENGTHS);
        return false;
    }
    if (lock->nonce_len == 0) {
        end(v, ROW_NO_NONCE, DROPPED_NTS_LENGTHS);
        return false;
    }
    lock->spare = body_len - 4 - nonce_room - sealed_room;
    if (nonce_room < 16 && lock->spare < 16 - nonce_room) {
        end(v, ROW_PADDING, DROPPED_NTS_LENGTHS);
        return false;
    }
    lock->nonce = body + 4;
    lock->sealed = lock->nonce + nonce_room;
    return true;
}

static const struct reference_key *key_of(const struct reference_ring *ring, uint32_t id)
{
    for (unsigned i = 0; i < ring->n; i++)
        if (ring->key[i].id == id)
            return &ring->key[i];
    return NULL;
}

static bool cookie_opens(const struct reference_key *key, const uint8_t *cookie, uint8_t *c2s,
                         uint8_t *s2c)
{
    uint8_t keys[2 * SEAL_KEY_LEN];
    if (!seal_open(key->secret, cookie, 4, cookie + 4, 16, cookie + 20, REFERENCE_COOKIE_LEN - 20,
                   keys))
        return false;
    memcpy(c2s, keys, SEAL_KEY_LEN);
    memcpy(s2c, keys + SEAL_KEY_LEN, SEAL_KEY_LEN);
    return true;
}

void reference_cookie(const struct reference_key *key, const uint8_t nonce[16],
                      const uint8_t c2s[SEAL_KEY_LEN], const uint8_t s2c[SEAL_KEY_LEN],
                      uint8_t cookie[REFERENCE_COOKIE_LEN])
{
    uint8_t keys[2 * SEAL_KEY_LEN];
    memcpy(keys, c2s, SEAL_KEY_LEN);
    memcpy(keys + SEAL_KEY_LEN, s2c, SEAL_KEY_LEN);
    be32_put(cookie, key->id);
    memcpy(cookie + 4, nonce, 16);
    seal_close(key->secret, cookie, 4, nonce, 16, keys, sizeof keys, cookie + 20);
}

// Rule NTS-7: the encrypted fields. False when the row is decided.
static bool content_holds(const uint8_t *plain, size_t len, unsigned *placeholders,
                          struct verdict *v)
{
    for (size_t at = 0; at < len;) {
        if (len - at < EF_HEADER_LEN || field_len(plain + at) < EF_HEADER_LEN ||
            field_len(plain + at) % 4 != 0 || field_len(plain + at) > len - at || len % 4 != 0) {
            end(v, ROW_CONTENT, DROPPED_NTS_CONTENT);
            return false;
        }
        if (be16_get(plain + at) == EF_AUTHENTICATOR) {
            end(v, ROW_CONTENT_NESTED, DROPPED_NTS_CONTENT);
            return false;
        }
        if (be16_get(plain + at) == EF_PLACEHOLDER &&
            field_len(plain + at) == EF_HEADER_LEN + REFERENCE_COOKIE_LEN)
            ++*placeholders;
        at += field_len(plain + at);
    }
    return true;
}

// NTS-9: of the cookie's length, before the authenticator.
static unsigned clear_placeholders(const uint8_t *ntp, const struct chain *c)
{
    unsigned n = 0;
    for (size_t at = NTP_HEADER_LEN; at < c->seal; at += field_len(ntp + at))
        n += be16_get(ntp + at) == EF_PLACEHOLDER &&
             field_len(ntp + at) == EF_HEADER_LEN + REFERENCE_COOKIE_LEN;
    return n;
}

// The rows that need a key.
static void prove(const struct reference_ring *ring, const uint8_t *ntp, size_t len,
                  const struct chain *c, const struct lock *lock, struct verdict *v)
{
    const uint8_t *cookie = ntp + c->cookie + EF_HEADER_LEN;
    v->cookie_at = c->cookie + EF_HEADER_LEN;
    v->reply_len = NTP_HEADER_LEN + EF_HEADER_LEN + v->uid_len;
    if (field_len(ntp + c->cookie) != EF_HEADER_LEN + REFERENCE_COOKIE_LEN) {
        end(v, ROW_COOKIE_LENGTH, ANSWERED_NAK);
        return;
    }
    const struct reference_key *key = key_of(ring, be32_get(cookie));
    if (key == NULL) {
        end(v, ROW_KEY_UNKNOWN, ANSWERED_NAK);
        return;
    }
    if (!cookie_opens(key, cookie, v->c2s, v->s2c)) {
        end(v, ROW_COOKIE_FORGED, ANSWERED_NAK);
        return;
    }
    uint8_t plain[PACKET_MAX];
    if (!seal_open(v->c2s, ntp, c->seal, lock->nonce, lock->nonce_len, lock->sealed,
                   lock->sealed_len, plain)) {
        end(v, ROW_SEAL_FORGED, ANSWERED_NAK);
        return;
    }
    unsigned placeholders = clear_placeholders(ntp, c);
    size_t plain_len = lock->sealed_len - SEAL_TAG_LEN;
    v->reply_len = 0;
    if (!content_holds(plain, plain_len, &placeholders, v))
        return;
    v->n_cookies = placeholders >= 7 ? 8 : 1 + placeholders; // decision 8
    v->reply_len = NTP_HEADER_LEN + EF_HEADER_LEN + v->uid_len + EF_HEADER_LEN + 4 + 16 +
                   SEAL_TAG_LEN + v->n_cookies * (EF_HEADER_LEN + REFERENCE_COOKIE_LEN);
    end(v,
        c->end < len                               ? ROW_PROVEN_TRAILING
        : plain_len > 0                            ? ROW_PROVEN_SEALED
        : lock->nonce_len != 16 || lock->spare > 0 ? ROW_PROVEN_NONCE
                                                   : ROW_PROVEN,
        ANSWERED_NTS);
}

static void decide_version_4(const struct reference_ring *ring, const uint8_t *ntp, size_t len,
                             struct verdict *v)
{
    struct chain c;
    struct lock lock;
    if (!walk(ntp, len, &c, v))
        return;
    if (c.uids > 0) {
        v->uid_at = c.uid + EF_HEADER_LEN;
        v->uid_len = field_len(ntp + c.uid) - EF_HEADER_LEN;
    }
    // EF-2: a field of less than 28 octets at the end is no field, so it is not echoed there.
    bool echo = c.uids > 0 && EF_HEADER_LEN + v->uid_len >= 28;
    if (c.cookies == 0 && c.seals == 0) {
        if (c.uids > 1) {
            end(v, ROW_TWICE, DROPPED_NTS_SHAPE);
            return;
        }
        v->reply_len = NTP_HEADER_LEN + (echo ? EF_HEADER_LEN + v->uid_len : 0);
        if (!echo)
            v->uid_len = 0;
        end(v, echo ? ROW_PLAIN_UID : c.fields > 0 ? ROW_PLAIN_FIELDS : ROW_PLAIN, ANSWERED_PLAIN);
        return;
    }
    if (!shape_holds(ntp, &c, v) || !lengths_hold(ntp, &c, &lock, v))
        return;
    // Decision 12 names this row before those of shape; board/counters.h has it behind them. Both
    // are silent, so that only the counter tells, and the counters' order is the one documented.
    if (ring->n == 0)
        end(v, ROW_NO_KEYS, DROPPED_NO_KEYS);
    else
        prove(ring, ntp, len, &c, &lock, v);
}

void reference_decide(const struct reference_ring *ring, const uint8_t *ntp, size_t len,
                      uint16_t source_port, struct verdict *v)
{
    memset(v, 0, sizeof *v);
    if (len < NTP_HEADER_LEN || len % 4 != 0) {
        end(v, ROW_LENGTH, DROPPED_LENGTH);
        return;
    }
    unsigned version = ntp[0] >> 3 & 7;
    unsigned mode = ntp[0] & 7;
    if (version == 0 || version > 4) {
        end(v, ROW_VERSION, DROPPED_VERSION);
        return;
    }
    bool no_mode = version == 1 && mode == 0 && source_port != 123; // decision 9
    if (mode != 3 && !no_mode) {
        end(v, ROW_MODE, DROPPED_MODE);
        return;
    }
    if (version == 4) {
        decide_version_4(ring, ntp, len, v);
        return;
    }
    if (len != NTP_HEADER_LEN) {
        end(v, ROW_OLD_TRAILER, DROPPED_TRAILER);
        return;
    }
    v->reply_len = NTP_HEADER_LEN;
    end(v, no_mode ? ROW_OLD_NO_MODE : ROW_OLD, ANSWERED_PLAIN);
}
