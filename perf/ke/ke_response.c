#include "perf/ke/ke_response.h"

#include "base/bytes.h"

#include <assert.h>
#include <string.h>

enum { HEADER = 4, CRITICAL = 0x8000 };

// RFC 8915, section 7.6.
enum record_type {
    END_OF_MESSAGE = 0,
    NEXT_PROTOCOL = 1,
    ERROR = 2,
    WARNING = 3,
    AEAD_ALGORITHM = 4,
    NEW_COOKIE = 5,
    NTPV4_SERVER = 6,
    NTPV4_PORT = 7,
};

enum { NTPV4 = 0 };

static_assert(HEADER + 2 + HEADER + 2 * (int)AEAD_ROWS + HEADER <= (int)KE_REQUEST_MAX,
              "a request offers all AEADs");

const char *const ke_fault_text[KE_FAULT_COUNT] = {
    [KE_FAULT_NONE] = "no fault",
    [KE_FAULT_FRAMING] = "no well-formed sequence of records",
    [KE_FAULT_ERROR] = "an Error record",
    [KE_FAULT_WARNING] = "a Warning record",
    [KE_FAULT_CRITICAL] = "an unknown critical record",
    [KE_FAULT_RECORD] = "a malformed or repeated record",
    [KE_FAULT_NO_PROTOCOL] = "no Next Protocol Negotiation",
    [KE_FAULT_NOT_NTPV4] = "no protocol in common: not NTPv4",
    [KE_FAULT_NO_AEAD] = "no AEAD Algorithm Negotiation",
    [KE_FAULT_NO_COMMON] = "no AEAD in common",
    [KE_FAULT_FOREIGN_AEAD] = "an AEAD that was not offered",
    [KE_FAULT_NO_COOKIES] = "no cookies",
    [KE_FAULT_COOKIE_LEN] = "cookies that are empty, too long or of several lengths",
};

const char *ke_error_text(uint16_t code)
{
    static const char *const names[] = {"unrecognized critical record", "bad request",
                                        "internal server error"};
    return code < sizeof names / sizeof names[0] ? names[code] : "unknown";
}

static uint8_t *put_header(uint8_t *at, unsigned type, size_t body_len)
{
    be16_put(at, (uint16_t)type);
    be16_put(at + 2, (uint16_t)body_len);
    return at + HEADER;
}

size_t ke_request_write(const struct aead *aeads, size_t n, uint8_t out[KE_REQUEST_MAX])
{
    assert(n >= 1 && 3 * HEADER + 2 + 2 * n <= KE_REQUEST_MAX);
    // Sections 4.1.1 and 4.1.2: End of Message and Next Protocol Negotiation are critical.
    uint8_t *at = put_header(out, CRITICAL | NEXT_PROTOCOL, 2);
    be16_put(at, NTPV4);
    // Section 4.1.5: the critical bit of this record MAY be set. We set it, because a server that
    // does not know the record cannot serve us.
    at = put_header(at + 2, CRITICAL | AEAD_ALGORITHM, 2 * n);
    for (size_t i = 0; i < n; i++, at += 2)
        be16_put(at, aeads[i].id);
    at = put_header(at, CRITICAL | END_OF_MESSAGE, 0);
    return (size_t)(at - out);
}

bool ke_response_ended(const uint8_t *response, size_t len, size_t *at)
{
    while (len - *at >= HEADER) {
        unsigned type = be16_get(response + *at) & ~(unsigned)CRITICAL;
        size_t whole = HEADER + (size_t)be16_get(response + *at + 2);
        if (whole > len - *at)
            return false;
        *at += whole;
        if (type == END_OF_MESSAGE)
            return true;
    }
    return false;
}

// The result of the first pass: the places of the relevant records.
struct findings {
    const uint8_t *protocols, *aead, *server, *port, *error, *warning, *cookie;
    uint16_t protocols_len, aead_len, server_len, port_len, error_len, warning_len;
    bool repeated, uneven;
    bool alien; // an unknown critical record
    uint16_t alien_type;
    uint16_t cookie_len, n_cookies;
};

static void find_once(struct findings *f, const uint8_t **record, uint16_t *record_len,
                      const uint8_t *body, uint16_t len)
{
    f->repeated |= *record != NULL;
    *record = body;
    *record_len = len;
}

static void find_cookie(struct findings *f, const uint8_t *body, uint16_t len,
                        struct ke_grant *grant)
{
    if (len == 0 || len > KE_GRANT_COOKIE_MAX || (f->n_cookies > 0 && len != f->cookie_len)) {
        f->uneven = true;
        return;
    }
    f->cookie_len = len;
    if (f->n_cookies < KE_GRANT_COOKIES)
        memcpy(grant->cookie[f->n_cookies++], body, len);
}

// Section 4: unknown records are ignored, unless they are critical.
static void find(struct findings *f, unsigned head, const uint8_t *body, uint16_t len,
                 struct ke_grant *grant)
{
    unsigned type = head & ~(unsigned)CRITICAL;
    switch (type) {
    case END_OF_MESSAGE:
        break;
    case NEXT_PROTOCOL:
        find_once(f, &f->protocols, &f->protocols_len, body, len);
        break;
    case ERROR:
        f->error = body;
        f->error_len = len;
        break;
    case WARNING:
        f->warning = body;
        f->warning_len = len;
        break;
    case AEAD_ALGORITHM:
        find_once(f, &f->aead, &f->aead_len, body, len);
        break;
    case NEW_COOKIE:
        find_cookie(f, body, len, grant);
        break;
    case NTPV4_SERVER:
        find_once(f, &f->server, &f->server_len, body, len);
        break;
    case NTPV4_PORT:
        find_once(f, &f->port, &f->port_len, body, len);
        break;
    default:
        if ((head & CRITICAL) && !f->alien) {
            f->alien = true;
            f->alien_type = (uint16_t)type;
        }
    }
}

// Splits the response into records; false when it has no End of Message without a body.
static bool walk(const uint8_t *response, size_t len, struct findings *f, struct ke_grant *grant)
{
    for (size_t at = 0; len - at >= HEADER;) {
        unsigned head = be16_get(response + at);
        uint16_t body_len = be16_get(response + at + 2);
        at += HEADER;
        if (body_len > len - at)
            return false;
        find(f, head, response + at, body_len, grant);
        at += body_len;
        if ((head & ~(unsigned)CRITICAL) == END_OF_MESSAGE)
            return body_len == 0;
    }
    return false;
}

// Section 4.1.7: ASCII, an address or a name.
static bool is_text(const uint8_t *octets, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (octets[i] <= 0x20 || octets[i] >= 0x7f)
            return false;
    return len > 0 && len <= KE_GRANT_SERVER_MAX;
}

static bool bodies_are_possible(const struct findings *f)
{
    return !f->repeated && f->protocols_len % 2 == 0 && f->aead_len % 2 == 0 && f->aead_len <= 2 &&
           (!f->error || f->error_len == 2) && (!f->warning || f->warning_len == 2) &&
           (!f->port || (f->port_len == 2 && be16_get(f->port) != 0)) &&
           (!f->server || is_text(f->server, f->server_len));
}

static bool lists(const uint8_t *ids, size_t len, uint16_t id)
{
    for (size_t at = 0; at + 2 <= len; at += 2)
        if (be16_get(ids + at) == id)
            return true;
    return false;
}

static const struct aead *offered(const struct aead *aeads, size_t n, uint16_t id)
{
    for (size_t i = 0; i < n; i++)
        if (aeads[i].id == id)
            return &aeads[i];
    return NULL;
}

static enum ke_fault judge(const struct findings *f, const struct aead *aeads, size_t n,
                           uint16_t *code)
{
    // Section 4.1.3: an Error record decides the response.
    if (f->error && f->error_len == 2) {
        *code = be16_get(f->error);
        return KE_FAULT_ERROR;
    }
    // Section 4.1.4: an unknown warning is an error.
    if (f->warning && f->warning_len == 2) {
        *code = be16_get(f->warning);
        return KE_FAULT_WARNING;
    }
    if (f->alien) {
        *code = f->alien_type;
        return KE_FAULT_CRITICAL;
    }
    if (!bodies_are_possible(f))
        return KE_FAULT_RECORD;
    // Section 4.1.2.
    if (!f->protocols)
        return KE_FAULT_NO_PROTOCOL;
    if (!lists(f->protocols, f->protocols_len, NTPV4))
        return KE_FAULT_NOT_NTPV4;
    // Section 4.1.5: no AEAD, or one that we have offered.
    if (!f->aead)
        return KE_FAULT_NO_AEAD;
    if (f->aead_len == 0)
        return KE_FAULT_NO_COMMON;
    if (!offered(aeads, n, be16_get(f->aead))) {
        *code = be16_get(f->aead);
        return KE_FAULT_FOREIGN_AEAD;
    }
    // Section 4.1.6.
    if (f->uneven)
        return KE_FAULT_COOKIE_LEN;
    return f->n_cookies > 0 ? KE_FAULT_NONE : KE_FAULT_NO_COOKIES;
}

enum ke_fault ke_response_read(const uint8_t *response, size_t len, const struct aead *aeads,
                               size_t n, struct ke_grant *grant, uint16_t *code)
{
    struct findings f = {0};
    struct ke_grant found = {0};
    uint16_t given = 0;

    enum ke_fault fault = KE_FAULT_FRAMING;
    if (walk(response, len, &f, &found))
        fault = judge(&f, aeads, n, &given);
    if (fault != KE_FAULT_NONE) {
        bytes_wipe(&found, sizeof found);
        *code = given;
        return fault;
    }
    found.aead = offered(aeads, n, be16_get(f.aead));
    found.n_cookies = f.n_cookies;
    found.cookie_len = f.cookie_len;
    found.port = f.port ? be16_get(f.port) : 123;
    if (f.server)
        memcpy(found.server, f.server, f.server_len);
    *grant = found;
    bytes_wipe(&found, sizeof found);
    return KE_FAULT_NONE;
}
