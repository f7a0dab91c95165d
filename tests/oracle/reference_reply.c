// See reference.h: checks a reply.
#include "tests/oracle/reference.h"

#include "base/bytes.h"

// RFC 5905, section 14: what the server was told of its clock stands in the reply as it is.
static const char *clock_fault(const struct ntp_state *state, ntp_time earliest, ntp_time latest,
                               const struct reply *r)
{
    bool synchronised = state->leap != LEAP_UNKNOWN;
    if (r->leap != state->leap)
        return "leap is not the clock's";
    if (r->stratum != (synchronised ? state->stratum : 0)) // NTP-4
        return "stratum is not the clock's";
    if (synchronised && r->reference_id != state->reference_id)
        return "reference id is not the clock's";
    if (!synchronised && r->kiss[0] != '\0')
        return "an unsynchronised clock looks like a kiss";
    if (r->precision != state->precision)
        return "precision is not the clock's";
    if (r->root_delay != state->root_delay)
        return "root delay is not the clock's";
    if (r->root_dispersion < state->root_dispersion)
        return "root dispersion is less than the clock's";
    if (r->reference != state->reference_time)
        return "reference time is not the clock's";
    // NTP-10: bits under the precision are the server's to choose.
    int64_t grain = INT64_C(1) << (32 + state->precision);
    if ((int64_t)(r->receive - earliest) < -grain || (int64_t)(r->receive - latest) > grain)
        return "receive is not the arrival";
    if (r->transmit - r->receive > UINT64_C(4) << 32)
        return "transmit is far from receive";
    return NULL;
}

// Every new cookie opens, under the current key, to the very keys. Rules RSP-4, RSP-5.
static const char *cookies_fault(const struct reference_ring *ring, const struct verdict *v,
                                 const struct reply *r)
{
    const struct reference_key *current = &ring->key[ring->current];
    if (r->n_cookies != v->n_cookies)
        return "another number of cookies";
    for (unsigned i = 0; i < r->n_cookies; i++) {
        uint8_t keys[2 * SEAL_KEY_LEN];
        const uint8_t *cookie = r->cookie[i];
        if (be32_get(cookie) != current->id)
            return "a cookie is not of the current key";
        if (!seal_open(current->secret, cookie, 4, cookie + 4, 16, cookie + 20,
                       REFERENCE_COOKIE_LEN - 20, keys))
            return "a cookie does not open";
        if (memcmp(keys, v->c2s, SEAL_KEY_LEN) != 0 ||
            memcmp(keys + SEAL_KEY_LEN, v->s2c, SEAL_KEY_LEN) != 0)
            return "a cookie holds other keys";
        if (memcmp(cookie + 4, r->nonce, 16) == 0)
            return "a cookie's nonce is the reply's";
    }
    return NULL;
}

const char *reference_fault(const struct reference_ring *ring, const struct ntp_state *state,
                            ntp_time earliest, ntp_time latest, const struct verdict *v,
                            const uint8_t *request, size_t request_len, const uint8_t *reply,
                            size_t reply_len)
{
    static const enum reply_kind kind[] = {
        [ANSWERED_PLAIN] = REPLY_PLAIN,
        [ANSWERED_NTS] = REPLY_AUTHENTICATED,
        [ANSWERED_NAK] = REPLY_NAK,
    };
    if (v->outcome > ANSWERED_KISS)
        return reply_len == 0 ? NULL : "an answer where there must be silence";
    if (reply_len == 0)
        return "silence where there must be an answer";
    if (reply_len != v->reply_len)
        return "another length";
    static struct reply r;
    struct ask ask = {
        .request = request,
        .request_len = request_len,
        .uid = request + v->uid_at,
        .uid_len = v->uid_len,
        .s2c = v->outcome == ANSWERED_PLAIN ? NULL : v->s2c,
        .cookie = request + v->cookie_at,
        .cookie_len = REFERENCE_COOKIE_LEN,
        .cookies_asked = v->n_cookies,
    };
    reply_read(&ask, reply, reply_len, &r);
    if (r.kind == REPLY_BAD)
        return r.why;
    if (r.kind != kind[v->outcome])
        return "an answer of another kind";
    if (r.kind == REPLY_NAK)
        return NULL;
    const char *why = clock_fault(state, earliest, latest, &r);
    if (why == NULL && r.kind == REPLY_AUTHENTICATED)
        why = cookies_fault(ring, v, &r);
    return why;
}
