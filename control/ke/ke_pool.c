// Where the draft is silent, this is strict: a repeated record, or two kinds of request in one, is
// a bad request.
#include "control/ke/ke_pool.h"

#include "control/ke/ke_record.h"

static const struct rule {
    bool forbidden; // only servers may send it
    bool critical;  // the critical bit MUST be set
    bool once;
} rules[] = {
    [KE_END_OF_MESSAGE] = {.critical = true},
    [KE_NEXT_PROTOCOL] = {.critical = true, .once = true},
    [KE_ERROR] = {.forbidden = true},
    [KE_WARNING] = {.forbidden = true},
    [KE_AEAD_ALGORITHM] = {.once = true},
    [KE_NEW_COOKIE] = {.forbidden = true},
    [KE_NTPV4_SERVER] = {.once = true},
    [KE_NTPV4_PORT] = {.once = true},
    [KE_KEEP_ALIVE] = {.once = true},
    [KE_SUPPORTED_PROTOCOLS] = {.critical = true, .once = true},
    [KE_SUPPORTED_AEADS] = {.critical = true, .once = true},
    [11] = {.forbidden = true}, // never looked at: is_known()
    [KE_FIXED_KEY] = {.critical = true, .once = true},
    [KE_SERVER_DENY] = {.critical = false},
    [KE_AUTHENTICATION] = {.once = true},
};
enum { KNOWN_TYPES = sizeof rules / sizeof rules[0] };

static bool is_known(uint16_t type)
{
    return type < KNOWN_TYPES && type != 11;
}

static struct ke_pool_request refuse(enum ke_error error)
{
    return (struct ke_pool_request){.refused = true, .error = error};
}

static bool is_one_number(const struct ke_record *r)
{
    return r->body != NULL && r->len == 2;
}

// "The client MUST provide an AEAD Algorithm Negotiation record with precisely one algorithm, and a
// Next Protocol Negotiation record with precisely one next protocol"; keys of twice its length.
static struct ke_pool_request read_keys(const struct ke_record *seen)
{
    const struct ke_record *protocol = &seen[KE_NEXT_PROTOCOL], *id = &seen[KE_AEAD_ALGORITHM],
                           *keys = &seen[KE_FIXED_KEY];

    if (!is_one_number(protocol) || !is_one_number(id))
        return refuse(KE_BAD_REQUEST);
    struct ke_pool_request request = {
        .keep_alive = seen[KE_KEEP_ALIVE].body != NULL,
        .keys = keys->body,
        .negotiation = {.ntpv4 = be16_get(protocol->body) == KE_PROTOCOL_NTPV4},
    };
    if (request.negotiation.ntpv4)
        request.negotiation.aead = aead_of_id(be16_get(id->body));
    if (request.negotiation.aead != NULL &&
        keys->len != 2u * request.negotiation.aead->lengths->key)
        return refuse(KE_BAD_REQUEST);
    return request;
}

struct ke_pool_request ke_pool_read(const uint8_t *octets, size_t len)
{
    struct ke_record seen[KNOWN_TYPES] = {0}; // body is set once the type has been seen
    bool bad = false, unknown_critical = false;

    for (size_t at = 0; at < len;) {
        const struct ke_record r = ke_record_at(octets + at);
        at += KE_RECORD_HEADER + r.len;
        if (!is_known(r.type)) {
            unknown_critical |= r.critical;
            continue;
        }
        const struct rule *rule = &rules[r.type];
        bad |= rule->forbidden || (rule->critical && !r.critical) ||
               (rule->once && seen[r.type].body != NULL);
        seen[r.type] = r;
    }
    // As ke_negotiate: what is unknown may change the meaning of the rest.
    if (unknown_critical)
        return refuse(KE_UNRECOGNIZED_CRITICAL_RECORD);
    if (bad)
        return refuse(KE_BAD_REQUEST);

    struct ke_pool_request request = {
        .keep_alive = seen[KE_KEEP_ALIVE].body != NULL,
        .protocols = seen[KE_SUPPORTED_PROTOCOLS].body != NULL,
        .aeads = seen[KE_SUPPORTED_AEADS].body != NULL,
    };
    const bool lists = request.protocols || request.aeads;
    const bool negotiates =
        seen[KE_NEXT_PROTOCOL].body != NULL || seen[KE_AEAD_ALGORITHM].body != NULL;
    if (lists && (negotiates || seen[KE_FIXED_KEY].body != NULL))
        return refuse(KE_BAD_REQUEST);
    if (seen[KE_FIXED_KEY].body != NULL)
        return read_keys(seen);
    // "A client MUST NOT use Keep Alive unless the request contains a record type allowing" it.
    if (!lists && request.keep_alive)
        return refuse(KE_BAD_REQUEST);
    return request;
}

size_t ke_pool_lists_write(const struct ke_pool_request *request, uint8_t out[KE_RESPONSE_MAX])
{
    uint8_t list[4 * AEAD_ROWS];
    uint8_t *at = out;

    if (request->protocols)
        at = ke_record_put_number(at, KE_CRITICAL | KE_SUPPORTED_PROTOCOLS, KE_PROTOCOL_NTPV4);
    for (int i = 0; i < AEAD_ROWS; i++) { // each with the length of its key
        be16_put(list + 4 * i, aead_rows[i].id);
        be16_put(list + 4 * i + 2, aead_rows[i].lengths->key);
    }
    if (request->aeads)
        at = ke_record_put(at, KE_CRITICAL | KE_SUPPORTED_AEADS, list, sizeof list);
    at = ke_record_put(at, KE_CRITICAL | KE_END_OF_MESSAGE, NULL, 0);
    return (size_t)(at - out);
}

size_t ke_pool_keep_write(uint8_t out[KE_RESPONSE_MAX], size_t len)
{
    uint8_t *at = out + len - KE_RECORD_HEADER; // in the place of End of Message
    at = ke_record_put(at, KE_KEEP_ALIVE, NULL, 0);
    at = ke_record_put(at, KE_CRITICAL | KE_END_OF_MESSAGE, NULL, 0);
    return (size_t)(at - out);
}
