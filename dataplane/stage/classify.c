// The decision table.
#include "dataplane/stage/classify.h"

#include "dataplane/wire/ntp.h"

static_assert((int)FIELDS_USUAL_UID_LEN >= (int)UID_MIN &&
                  (int)FIELDS_USUAL_UID_LEN <= (int)UID_MAX,
              "the usual identifier is legal");

// The cookie's length tells the session's AEAD. A cookie of another length was not made by this
// server: its request gets a NAK, and its authenticator is checked with the first AEAD's lengths.
static const struct aead_lengths *lengths_of(const struct field *cookie)
{
    enum aead_row row = aead_row_of_cookie(cookie->len);
    return &aead_lengths[row < AEAD_ROWS ? row : 0];
}

enum outcome kind_of(const uint8_t *ntp, uint32_t len, uint16_t source_port, struct fields *fields,
                     struct authenticator *seal)
{
    *fields = (struct fields){0};

    // RFC 5905, section 7.3. Everything that may follow the header comes in words of four octets.
    if (len < NTP_LEN || len % 4 != 0)
        return DROPPED_LENGTH;
    unsigned version = ntp_version(ntp[NTP_LEAP_VERSION_MODE]);
    if (!ntp_version_known(version))
        return DROPPED_VERSION;
    if (!ntp_is_request(version, ntp_mode(ntp[NTP_LEAP_VERSION_MODE]), source_port))
        return DROPPED_MODE;

    if (len == NTP_LEN)
        return ANSWERED_PLAIN;
    // Before version 4 there are no extension fields: what follows is a MAC of some kind.
    if (version < NTP_VERSION_4)
        return DROPPED_TRAILER;

    // All conditions of the table hold for the layout that nearly all clients use.
    if (fields_usual(ntp, len, fields, seal))
        return ANSWERED_NTS;

    fields_walk(ntp, len, fields);
    if (fields->mac)
        return DROPPED_MAC;
    if (fields->broken)
        return DROPPED_FIELDS;

    // RFC 8915, section 5.7: "exactly one" of each. No correct client repeats one, with or without
    // NTS.
    if (fields->n_uid > 1 || fields->n_cookies > 1)
        return DROPPED_NTS_SHAPE;

    // Without cookie and authenticator it is not an NTS request and gets no NTS reply, not even a
    // NAK.
    if (fields->n_cookies == 0 && !fields->has_authenticator)
        return ANSWERED_PLAIN;

    // A client cannot believe a NAK without its identifier, so none is sent.
    if (fields->n_uid == 0 || fields->n_cookies == 0 || !fields->has_authenticator)
        return DROPPED_NTS_SHAPE;
    if (fields->uid.len < UID_MIN || fields->uid.len > UID_MAX)
        return DROPPED_NTS_SHAPE;

    // RFC 8915, section 5.6: a packet that breaks these MUST be discarded.
    if (!authenticator_open(ntp, &fields->authenticator, lengths_of(&fields->cookie), seal))
        return DROPPED_NTS_LENGTHS;
    return ANSWERED_NTS;
}

bool is_usual_shape(const struct aead_lengths *aead, const struct fields *fields,
                    const struct authenticator *seal)
{
    return seal->nonce_len == aead->nonce && seal->sealed_len == aead->tag &&
           fields->cookie.len == aead->cookie;
}

// Sorts a lane with NTS.
static inline void sort(struct kinds *kinds, unsigned lane, const struct fields *fields,
                        const struct authenticator *seal)
{
    for (enum aead_row row = 0; row < AEAD_ROWS; row++) {
        if (is_usual_shape(&aead_lengths[row], fields, seal)) {
            kinds->secure[row] |= lane_bit(lane);
            return;
        }
    }
    kinds->slow |= lane_bit(lane);
}

// Has the origin timestamp the tag of a receive timestamp? Hardly any has.
static inline bool is_tagged(const uint8_t *ntp)
{
    return (ntp[NTP_ORIGIN + 7] & 1) != 0;
}

struct kinds classify(struct batch *batch, lane_set lanes)
{
    struct kinds kinds = {0};
    lane_set tagged = 0;
    while (lanes != 0) {
        unsigned i = lane_take(&lanes);
        struct fields *fields = &batch->fields[i];
        struct authenticator *seal = &batch->authenticator[i];
        const uint8_t *ntp = batch_request(batch, i);
        enum outcome end =
            kind_of(ntp, batch_request_len(batch, i), batch->datagram[i].source_port, fields, seal);
        if (end == ANSWERED_PLAIN)
            kinds.plain |= lane_bit(i);
        else if (end != ANSWERED_NTS) {
            batch->ended[end] |= lane_bit(i);
            continue;
        } else
            sort(&kinds, i, fields, seal);
        if (__builtin_expect(is_tagged(ntp), false))
            tagged |= lane_bit(i);
    }
    batch->interleaved = tagged;
    return kinds;
}

struct kinds able(struct batch *batch, struct kinds kinds, bool has_keys, bool has_clock,
                  bool silent)
{
    if (!has_keys) {
        batch->ended[DROPPED_NO_KEYS] |= kinds_nts(kinds);
        kinds = kinds_within(kinds, kinds.plain);
    }
    if (!has_clock) {
        batch->ended[DROPPED_NO_CLOCK] |= kinds_all(kinds);
        kinds = (struct kinds){0};
    }
    if (silent) {
        batch->ended[DROPPED_UNHEALTHY] |= kinds_all(kinds);
        kinds = (struct kinds){0};
    }
    return kinds;
}
