// See reply.h.
#include "tests/client/reply.h"

#include "base/bytes.h"

const char *const reply_kind_text[] = {
    [REPLY_BAD] = "bad",
    [REPLY_PLAIN] = "plain",
    [REPLY_NAK] = "nak",
    [REPLY_KISS] = "kiss",
    [REPLY_AUTHENTICATED] = "authenticated",
};

static void bad(struct reply *reply, const char *why)
{
    reply->kind = REPLY_BAD;
    reply->why = why;
}

// RFC 5905, section 7.3. Rules NTP-2, NTP-5, NTP-9.
static const char *header_fault(const struct ask *ask, const uint8_t *at, struct reply *r)
{
    r->leap = at[0] >> 6;
    r->version = at[0] >> 3 & 7;
    r->mode = at[0] & 7;
    r->stratum = at[1];
    r->poll = at[2];
    r->precision = (int8_t)at[3];
    r->root_delay = be32_get(at + 4);
    r->root_dispersion = be32_get(at + 8);
    r->reference_id = be32_get(at + 12);
    r->reference = be64_get(at + 16);
    r->origin = be64_get(at + 24);
    r->receive = be64_get(at + 32);
    r->transmit = be64_get(at + 40);
    if (r->version != (ask->request[0] >> 3 & 7))
        return "version is not the request's";
    if (r->mode != 4)
        return "mode is not 4";
    if (r->origin != be64_get(ask->request + 40))
        return "origin is not the request's transmit timestamp";
    if (r->poll != ask->request[2])
        return "poll is not the request's";
    return NULL;
}

static const char *time_fault(const struct reply *r)
{
    if (r->transmit == 0 || r->receive == 0)
        return "a timestamp is zero";
    if (r->transmit == r->receive)
        return "transmit equals receive";
    if (r->transmit == r->origin)
        return "transmit equals origin";
    if ((int64_t)(r->transmit - r->receive) < 0)
        return "transmit lies before receive";
    if (r->stratum > 15 || (r->stratum == 0 && r->leap != 3))
        return "stratum is not one of a server";
    return NULL;
}

// What the seal protects: cookies and nothing else. Rules RSP-3 to RSP-5.
static const char *cookies_fault(const struct ask *ask, const uint8_t *at, size_t len,
                                 struct reply *r)
{
    while (len > 0) {
        if (len < EF_HEADER_LEN)
            return "encrypted fields end in the middle";
        size_t field = be16_get(at + 2);
        if (field < EF_HEADER_LEN || field % 4 != 0 || field > len)
            return "an encrypted field has an impossible length";
        if (be16_get(at) != EF_COOKIE)
            return "an encrypted field is no cookie";
        size_t body = field - EF_HEADER_LEN;
        if (body == 0 || body != ask->cookie_len || body > REPLY_COOKIE_MAX)
            return "a cookie's length is not that of the cookie spent";
        if (r->n_cookies == REPLY_COOKIES_MAX)
            return "more than eight cookies";
        if (memcmp(at + EF_HEADER_LEN, ask->cookie, body) == 0)
            return "a cookie is the one that was spent";
        for (unsigned i = 0; i < r->n_cookies; i++)
            if (memcmp(at + EF_HEADER_LEN, r->cookie[i], body) == 0)
                return "two cookies are the same";
        memcpy(r->cookie[r->n_cookies++], at + EF_HEADER_LEN, body);
        r->cookie_len = body;
        at += field;
        len -= field;
    }
    if (r->n_cookies == 0)
        return "no cookie";
    if (r->n_cookies > ask->cookies_asked)
        return "more cookies than asked for";
    return NULL;
}

// The authenticator is the last field, holds a nonce of 16 octets and no padding. Rules RSP-2,
// RSP-6, RSP-8.
static const char *seal_fault(const struct ask *ask, const uint8_t *octets, size_t at, size_t len,
                              struct reply *r)
{
    if (ask->s2c == NULL)
        return "an authenticator nobody asked for";
    size_t body = len - at - EF_HEADER_LEN;
    const uint8_t *field = octets + at + EF_HEADER_LEN;
    if (body < 4 + 16 + SEAL_TAG_LEN)
        return "the authenticator is too short";
    size_t nonce_len = be16_get(field);
    size_t sealed_len = be16_get(field + 2);
    if (nonce_len != 16)
        return "the nonce is not 16 octets long";
    if (sealed_len < SEAL_TAG_LEN || 4 + nonce_len + sealed_len != body)
        return "the authenticator's lengths do not fill it";
    memcpy(r->nonce, field + 4, 16);
    uint8_t plain[PACKET_MAX];
    if (!seal_open(ask->s2c, octets, at, field + 4, nonce_len, field + 4 + nonce_len, sealed_len,
                   plain))
        return "the seal is wrong";
    return cookies_fault(ask, plain, sealed_len - SEAL_TAG_LEN, r);
}

// The fields in the clear: a unique identifier exactly where one was sent (RSP-1), then an
// authenticator or nothing.
static const char *fields_fault(const struct ask *ask, const uint8_t *octets, size_t len,
                                struct reply *r, bool *sealed)
{
    size_t at = NTP_HEADER_LEN;
    bool identified = false;
    while (at < len) {
        if (len - at < EF_HEADER_LEN)
            return "trailing octets";
        unsigned type = be16_get(octets + at);
        size_t field = be16_get(octets + at + 2);
        if (field < 16 || field % 4 != 0 || field > len - at)
            return "a field has an impossible length";
        if (field == len - at && field < 28)
            return "the last field is shorter than 28 octets";
        if (type == EF_AUTHENTICATOR) {
            if (field != len - at)
                return "something follows the authenticator";
            *sealed = true;
            const char *why = seal_fault(ask, octets, at, len, r);
            if (why != NULL)
                return why;
        } else if (type == EF_UNIQUE_ID) {
            if (identified || field - EF_HEADER_LEN != ask->uid_len ||
                memcmp(octets + at + EF_HEADER_LEN, ask->uid, ask->uid_len) != 0)
                return "the unique identifier is not the request's";
            identified = true;
        } else if (type == EF_COOKIE) {
            return "a cookie in the clear";
        } else {
            return "a field that nobody asked for";
        }
        at += field;
    }
    if (!identified && ask->uid_len > 0)
        return "the unique identifier is missing";
    return NULL;
}

void reply_read(const struct ask *ask, const uint8_t *octets, size_t len, struct reply *r)
{
    memset(r, 0, sizeof *r);
    r->why = "";
    if (len < NTP_HEADER_LEN || len % 4 != 0) {
        bad(r, "length is no NTP packet's");
        return;
    }
    if (len > ask->request_len) { // rule RSP-7
        bad(r, "longer than the request");
        return;
    }
    bool sealed = false;
    const char *why = header_fault(ask, octets, r);
    if (why == NULL)
        why = fields_fault(ask, octets, len, r, &sealed);
    bool kiss = r->stratum == 0 && r->reference_id != 0 &&
                (r->reference_id == 0x4e54534e || r->reference_id == 0x52415445 ||
                 r->reference_id == 0x44454e59);
    if (why == NULL && !kiss)
        why = time_fault(r);
    if (why == NULL && kiss && r->leap != 3)
        why = "a kiss without leap indicator 3";
    if (why != NULL) {
        bad(r, why);
        return;
    }
    memcpy(r->kiss, octets + 12, kiss ? 4 : 0);
    if (sealed)
        r->kind = REPLY_AUTHENTICATED;
    else if (kiss)
        r->kind = r->reference_id == 0x4e54534e ? REPLY_NAK : REPLY_KISS;
    else
        r->kind = REPLY_PLAIN;
    if (r->kind == REPLY_NAK && (ask->s2c == NULL || ask->uid_len == 0))
        bad(r, "a NAK to a request that is no NTS request"); // rule NAK-1
}
