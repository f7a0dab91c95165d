// Header and identifier of a reply.
#include "dataplane/stage/respond.h"

#include "base/bytes.h"
#include "dataplane/wire/ntp.h"

#include <string.h>

enum { STAMPS_LEN = 8 }; // random octets for the two timestamps of a reply: each has 32 random bits

// The bits of a timestamp below the precision: they are not measured.
static uint64_t random_mask(int8_t precision)
{
    int bits = 32 + precision;
    if (bits <= 0)
        return 0;
    return bits >= 32 ? UINT32_MAX : (UINT64_C(1) << bits) - 1;
}

// What one turn writes into the lowest bits of its timestamps. Random bits below the precision make
// them unique and hard to guess.
struct low_bits {
    uint64_t receive;         // the bits below the granule of receive timestamps
    uint64_t receive_random;  // those of them that are random
    uint64_t transmit;        // the same of transmit timestamps
    uint64_t transmit_random; //
};

static struct low_bits low_bits_of(const struct receive_stamps *stamps, uint64_t below)
{
    return (struct low_bits){
        .receive = below | stamps->mask,
        .receive_random = below & ~stamps->mask,
        .transmit = below | 1,
        .transmit_random = below & ~UINT64_C(1),
    };
}

// The next time, from t on, that has those low bits under the mask.
static ntp_time up_to(ntp_time t, uint64_t low, uint64_t mask)
{
    return ((t - low + mask) & ~mask) + low;
}

// The last time, up to t, that has them.
static ntp_time down_to(ntp_time t, uint64_t low, uint64_t mask)
{
    return ((t - low) & ~mask) + low;
}

// Frames that were found by one poll have one arrival time, and two stamps may be near each other:
// a timestamp that is not later than the last one becomes the next possible one. But frames may
// come with stamps that are out of order, or the clock may be set back: then it stays as it is.
static ntp_time next_receive(struct receive_stamps *stamps, ntp_time t, uint64_t granule)
{
    if (stamps->last - t < 4 * LANES * granule)
        t = stamps->last + stamps->mask + 1;
    stamps->last = t;
    return t;
}

// The transmit timestamp is even, later than the receive timestamp (RFC 9769 tells the two apart by
// value), and differs from the request's own. 0 would mean "unknown".
static ntp_time after(ntp_time t, ntp_time receive, ntp_time origin)
{
    if ((int64_t)(t - receive) <= 0)
        t = receive + 1;
    while (t == origin || t == 0)
        t += 2;
    return t;
}

// The server's own fields: the same in every reply of a turn. Not inline: gcc 14 would move its
// stores into the loop over the lanes, where copying 16 octets at once must wait for them, 18
// cycles a reply.
__attribute__((noinline)) static void write_template(uint8_t header[NTP_LEN],
                                                     const struct ntp_state *state)
{
    memset(header, 0, NTP_LEN);
    header[NTP_PRECISION] = (uint8_t)state->precision;
    be32_put(header + NTP_ROOT_DELAY, state->root_delay);
    be64_put(header + NTP_REFERENCE_TIME, state->reference_time);
    if (state->leap == LEAP_UNKNOWN) {
        // Stratum 0 and no reference: RFC 5905, section 7.3. The dispersion is too large for any
        // client to use.
        be32_put(header + NTP_ROOT_DISPERSION, UINT32_C(16) << 16);
        return;
    }
    header[NTP_STRATUM] = state->stratum;
    be32_put(header + NTP_ROOT_DISPERSION, state->root_dispersion);
    be32_put(header + NTP_REFERENCE_ID, state->reference_id);
}

// Returns the length of the clear part.
static uint32_t put_identifier(const uint8_t *request, const struct fields *fields, uint8_t *reply)
{
    // RFC 8915, section 5.3: a request's identifier is sent back, with NTS or without. An
    // identifier so short that RFC 7822 would read the reply's last field as a MAC is not sent
    // back.
    uint32_t len = FIELD_HEADER_LEN + fields->uid.len;
    if (fields->n_uid == 0 || len < FIELD_LAST_MIN)
        return NTP_LEN;
    const uint8_t *from = request + fields->uid.at;
    if (len == FIELD_HEADER_LEN + FIELDS_USUAL_UID_LEN) // a length that the compiler knows
        memcpy(reply + NTP_LEN, from, FIELD_HEADER_LEN + FIELDS_USUAL_UID_LEN);
    else
        memcpy(reply + NTP_LEN, from, len);
    return NTP_LEN + len;
}

void respond(struct batch *batch, lane_set lanes, const struct ntp_state *state,
             struct departures leave, struct rng *rng, struct receive_stamps *stamps)
{
    uint8_t header[NTP_LEN];
    write_template(header, state);
    const uint64_t below = rng_ready(rng) ? random_mask(state->precision) : 0;
    const struct low_bits low = low_bits_of(stamps, below);
    uint8_t bits[LANES][STAMPS_LEN];
    if (below != 0)
        rng_fill(rng, bits[0], lane_count(lanes) * STAMPS_LEN);
    else
        memset(bits, 0, sizeof bits);

    // Copies, which the replies' octets cannot alias.
    struct receive_stamps own = *stamps;
    const unsigned leap = state->leap;
    ntp_time departure = leave.first;
    for (unsigned n = 0; lanes != 0; n++) {
        unsigned i = lane_take(&lanes);
        const uint8_t *request = batch_request(batch, i);
        uint8_t *reply = batch_reply(batch, i);
        memcpy(reply, header, NTP_LEN);
        reply[NTP_LEAP_VERSION_MODE] =
            ntp_first(leap, ntp_version(request[NTP_LEAP_VERSION_MODE]), NTP_MODE_SERVER);
        reply[NTP_POLL] = request[NTP_POLL];
        memcpy(reply + NTP_ORIGIN, request + NTP_TRANSMIT, 8);

        uint64_t random;
        memcpy(&random, bits[n], sizeof random);
        ntp_time origin = be64_get(request + NTP_TRANSMIT);
        ntp_time receive = up_to(batch->arrival[i].utc,
                                 (random >> 32 & low.receive_random) | own.tag, low.receive);
        receive = next_receive(&own, receive, low.receive + 1);
        ntp_time transmit = down_to(departure, random & low.transmit_random, low.transmit);
        departure += leave.each;
        be64_put(reply + NTP_RECEIVE, receive);
        be64_put(reply + NTP_TRANSMIT, after(transmit, receive, origin));
        batch->ntp_len[i] = (uint16_t)put_identifier(request, &batch->fields[i], reply);
    }
    *stamps = own;
}
