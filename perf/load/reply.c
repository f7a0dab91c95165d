#include "perf/load/reply.h"

#include "base/bytes.h"
#include "dataplane/wire/ntp.h"
#include "perf/load/client.h"
#include "perf/load/request.h"

#include <string.h>

enum { STRATUM_MAX = 15 };

uint64_t reply_origin(const uint8_t *payload)
{
    return be64_get(payload + NTP_ORIGIN);
}

// RFC 5905, section 7.4: four ASCII characters in the reference id of stratum 0.
static enum tally_item kiss(uint32_t code)
{
    switch (code) {
    case NTP_KISS_NTSN:
        return TALLY_NAK;
    case UINT32_C(0x52415445): // "RATE"
        return TALLY_KISS_RATE;
    case UINT32_C(0x44454e59): // "DENY"
        return TALLY_KISS_DENY;
    case UINT32_C(0x52535452): // "RSTR"
        return TALLY_KISS_RSTR;
    default:
        return TALLY_KISS_OTHER;
    }
}

// Returns TALLY_ANSWERED, a kiss code or the fault of the header.
static enum tally_item examine_header(const uint8_t *payload, struct reply *reply)
{
    uint8_t first = payload[NTP_LEAP_VERSION_MODE];
    uint8_t stratum = payload[NTP_STRATUM];
    uint32_t id = be32_get(payload + NTP_REFERENCE_ID);
    if (ntp_version(first) != NTP_VERSION_4 || ntp_mode(first) != NTP_MODE_SERVER ||
        stratum > STRATUM_MAX)
        return TALLY_WRONG_HEADER;
    if (stratum == 0 && id != 0)
        return kiss(id);
    if (stratum == 0 && first >> 6 != NTP_LEAP_UNKNOWN)
        return TALLY_WRONG_HEADER;
    reply->receive = be64_get(payload + NTP_RECEIVE);
    reply->transmit = be64_get(payload + NTP_TRANSMIT);
    reply->dispersion = be32_get(payload + NTP_ROOT_DISPERSION);
    reply->precision = (int8_t)payload[NTP_PRECISION];
    // In interleaved mode the transmit timestamp is that of the reply before.
    if (reply->receive == 0 || reply->transmit == 0 ||
        (!reply->interleaved && (int64_t)(reply->transmit - reply->receive) < 0))
        return TALLY_WRONG_TIME;
    return TALLY_ANSWERED;
}

// Checks the fields of a reply to an NTS request. item: what its header is, a time or a kiss code.
// TALLY_ANSWERED when the fields fit.
static enum tally_item examine_fields(const uint8_t *payload, uint32_t len, const struct slot *slot,
                                      enum tally_item item, const struct aead *aead,
                                      struct reply *reply)
{
    struct fields fields;
    fields_walk(payload, len, &fields);
    if (fields.broken || fields.mac)
        return TALLY_WRONG_TRUNCATED;
    if (fields.n_cookies > 0 || fields.n_uid > 1)
        return TALLY_WRONG_FIELDS;
    // RFC 8915, section 5.7: a NAK "MUST NOT include" an authenticator.
    if (item == TALLY_NAK && fields.has_authenticator)
        return TALLY_WRONG_FIELDS;
    if (item == TALLY_ANSWERED && !fields.has_authenticator)
        return TALLY_WRONG_UNAUTHENTICATED;
    // RFC 8915, section 5.7: "verify that the Unique Identifier matches".
    if (fields.n_uid == 0 || fields.uid.len != WINDOW_UID_LEN ||
        memcmp(payload + fields.uid.at + FIELD_HEADER_LEN, slot->uid, WINDOW_UID_LEN) != 0)
        return TALLY_WRONG_IDENTIFIER;
    if (!fields.has_authenticator)
        return TALLY_ANSWERED;
    if (!authenticator_open(payload, &fields.authenticator, aead->lengths, &reply->seal))
        return TALLY_WRONG_TRUNCATED;
    reply->sealed = true;
    reply->covered = fields.authenticator.at;
    return TALLY_ANSWERED;
}

enum tally_item reply_examine(const uint8_t *payload, uint32_t len, const struct slot *slot,
                              const struct aead *aead, struct reply *reply)
{
    *reply = (struct reply){.interleaved = reply_origin(payload) != slot->transmit};
    if (len > slot->len)
        return TALLY_WRONG_LENGTH;
    enum tally_item item = examine_header(payload, reply);
    if (tally_rows[item].group == TALLY_OF_WRONG)
        return item;
    if (!aead)
        return len > NTP_LEN ? TALLY_WRONG_FIELDS : item;
    enum tally_item fields = examine_fields(payload, len, slot, item, aead, reply);
    return fields == TALLY_ANSWERED ? item : fields;
}

bool reply_cookies(const uint8_t *plain, uint32_t len, uint32_t cookie_len, unsigned asked,
                   const uint8_t *cookies[], unsigned *n)
{
    struct field_cursor cursor = field_cursor_over(plain, 0, len, FIELD_SEALED_MIN);
    struct field field;
    *n = 0;
    while (field_next(&cursor, &field)) {
        if (field.type != FIELD_COOKIE)
            continue;
        if (field.len != cookie_len || *n == asked || *n == CLIENT_JAR)
            return false;
        cookies[(*n)++] = plain + field.at + FIELD_HEADER_LEN;
    }
    return !cursor.broken && *n > 0;
}
