#include "control/ke/ke_records.h"

#include "control/ke/ke_record.h"

#include <assert.h>

static_assert(6 * (KE_RECORD_HEADER + 2) + KE_SERVER_NAME_MAX +
                      KE_COOKIES * ((int)KE_RECORD_HEADER + (int)AEAD_COOKIE_MAX) <=
                  KE_RESPONSE_MAX,
              "the longest response fits");

// The records that a client may send (RFC 8915, section 4.1). A type without a row is unknown.
enum body { ANY, EMPTY, ONE_NUMBER, NUMBERS };

static const struct rule {
    bool forbidden; // only servers may send it
    bool critical;  // the critical bit MUST be set
    bool once;
    enum body body;
} rules[] = {
    [KE_END_OF_MESSAGE] = {.critical = true, .body = EMPTY}, // section 4.1.1
    [KE_NEXT_PROTOCOL] = {.critical = true, .once = true, .body = NUMBERS},
    [KE_ERROR] = {.forbidden = true},
    [KE_WARNING] = {.forbidden = true},
    [KE_AEAD_ALGORITHM] = {.once = true, .body = NUMBERS},
    [KE_NEW_COOKIE] = {.forbidden = true},
    [KE_NTPV4_SERVER] = {.once = true, .body = ANY},
    [KE_NTPV4_PORT] = {.body = ONE_NUMBER},
};
enum { KNOWN_TYPES = sizeof rules / sizeof rules[0] };

static bool body_fits(enum body body, uint16_t len)
{
    switch (body) {
    case EMPTY:
        return len == 0;
    case ONE_NUMBER:
        return len == 2;
    case NUMBERS:
        return len >= 2 && len % 2 == 0;
    case ANY:
        break;
    }
    return true;
}

void ke_framing_advance(struct ke_framing *framing, const uint8_t *request, size_t len)
{
    while (!framing->ended && !framing->broken) {
        // A request that is too long is broken as soon as a record's length shows it, not when it
        // has arrived.
        if (framing->at + KE_RECORD_HEADER > KE_REQUEST_MAX) {
            framing->broken = true;
            return;
        }
        if (len - framing->at < KE_RECORD_HEADER)
            return;
        struct ke_record r = ke_record_at(request + framing->at);
        size_t next = framing->at + KE_RECORD_HEADER + r.len;
        if (next > KE_REQUEST_MAX) {
            framing->broken = true;
            return;
        }
        if (r.type == KE_END_OF_MESSAGE) {
            // Section 4.1.1: critical, with an empty body. Any other End of Message makes the
            // framing broken.
            if (!r.critical || r.len != 0) {
                framing->broken = true;
                return;
            }
            framing->ended = true;
        } else if (next > len) {
            return;
        }
        framing->at = next;
    }
}

// Section 4.1: the records whose body is a list of 16-bit numbers.
static bool offers(const struct ke_record *r, uint16_t id)
{
    for (uint16_t i = 0; i + 1 < r->len; i += 2)
        if (be16_get(r->body + i) == id)
            return true;
    return false;
}

// The first AEAD of the client's list that this server has: the order is the client's preference.
static const struct aead *choose(const struct ke_record *r)
{
    const struct aead *aead = NULL;
    for (uint16_t i = 0; !aead && i + 1 < r->len; i += 2)
        aead = aead_of_id(be16_get(r->body + i));
    return aead;
}

static struct ke_negotiation refuse(enum ke_error error)
{
    return (struct ke_negotiation){.refused = true, .error = error};
}

struct ke_negotiation ke_negotiate(const uint8_t *request, size_t len)
{
    struct ke_record seen[KNOWN_TYPES] = {0}; // body is set once the type has been seen
    bool unknown_critical = false;
    bool bad = false;

    for (size_t at = 0; at < len;) {
        struct ke_record r = ke_record_at(request + at);
        at += KE_RECORD_HEADER + r.len;
        if (r.type >= KNOWN_TYPES) {
            unknown_critical |= r.critical;
            continue;
        }
        const struct rule *rule = &rules[r.type];
        bad |= rule->forbidden || (rule->critical && !r.critical) ||
               (rule->once && seen[r.type].body) || !body_fits(rule->body, r.len);
        seen[r.type] = r;
    }

    // Section 4.1: an unknown critical record. It takes precedence over other faults, because the
    // unknown record may change the meaning of a part that looks wrong.
    if (unknown_critical)
        return refuse(KE_UNRECOGNIZED_CRITICAL_RECORD);
    // Section 4.1.2: Next Protocol Negotiation occurs exactly once.
    if (bad || !seen[KE_NEXT_PROTOCOL].body)
        return refuse(KE_BAD_REQUEST);
    // A client that does not speak NTPv4 gets an empty list, and nothing else.
    if (!offers(&seen[KE_NEXT_PROTOCOL], KE_PROTOCOL_NTPV4))
        return (struct ke_negotiation){0};
    // Section 4.1.5: with NTPv4 offered, AEAD Algorithm Negotiation occurs exactly once.
    if (!seen[KE_AEAD_ALGORITHM].body)
        return refuse(KE_BAD_REQUEST);
    return (struct ke_negotiation){.ntpv4 = true, .aead = choose(&seen[KE_AEAD_ALGORITHM])};
}

size_t ke_response_write(const struct ke_negotiation *negotiation, const struct ke_offer *offer,
                         uint8_t out[KE_RESPONSE_MAX])
{
    const struct aead *aead = negotiation->aead;
    uint8_t *at = out;

    if (!negotiation->ntpv4) {
        at = ke_record_put(at, KE_CRITICAL | KE_NEXT_PROTOCOL, NULL, 0);
    } else if (!aead) {
        at = ke_record_put_number(at, KE_CRITICAL | KE_NEXT_PROTOCOL, KE_PROTOCOL_NTPV4);
        at = ke_record_put(at, KE_CRITICAL | KE_AEAD_ALGORITHM, NULL, 0);
    } else {
        at = ke_record_put_number(at, KE_CRITICAL | KE_NEXT_PROTOCOL, KE_PROTOCOL_NTPV4);
        at = ke_record_put_number(at, KE_CRITICAL | KE_AEAD_ALGORITHM, aead->id);
        // Critical: a client that did not understand them would send NTP requests to the wrong
        // place.
        if (offer->udp_port != 123)
            at = ke_record_put_number(at, KE_CRITICAL | KE_NTPV4_PORT, offer->udp_port);
        if (offer->ntp_server[0] != '\0')
            at = ke_record_put(at, KE_CRITICAL | KE_NTPV4_SERVER, offer->ntp_server,
                               strnlen(offer->ntp_server, KE_SERVER_NAME_MAX));
        for (unsigned i = 0; i < KE_COOKIES; i++)
            at = ke_record_put(at, KE_NEW_COOKIE, offer->cookies + i * aead->lengths->cookie,
                               aead->lengths->cookie);
    }
    at = ke_record_put(at, KE_CRITICAL | KE_END_OF_MESSAGE, NULL, 0);
    return (size_t)(at - out);
}

size_t ke_error_write(enum ke_error error, uint8_t out[KE_ERROR_LEN])
{
    uint8_t *at = ke_record_put_number(out, KE_CRITICAL | KE_ERROR, (uint16_t)error);
    at = ke_record_put(at, KE_CRITICAL | KE_END_OF_MESSAGE, NULL, 0);
    return (size_t)(at - out);
}
