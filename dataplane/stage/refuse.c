// NTS NAKs.
#include "dataplane/stage/refuse.h"

#include "base/bytes.h"
#include "dataplane/wire/ntp.h"

enum { KISS_POLL = 6 }; // the poll exponent of a kiss, at least: 64 s

void refuse(struct batch *batch, lane_set doubted)
{
    while (doubted != 0) {
        unsigned i = lane_take(&doubted);
        uint8_t *reply = batch_reply(batch, i);

        // RFC 5905, section 7.4: a kiss packet has stratum 0. It gives no time, so its leap is
        // unknown too.
        reply[NTP_LEAP_VERSION_MODE] = ntp_first(NTP_LEAP_UNKNOWN, NTP_VERSION_4, NTP_MODE_SERVER);
        reply[NTP_STRATUM] = 0;
        be32_put(reply + NTP_REFERENCE_ID, NTP_KISS_NTSN);

        // "The packet MUST NOT contain a cookie or an authenticator": the identifier is the last
        // field.
        batch->ntp_len[i] = (uint16_t)(NTP_LEN + FIELD_HEADER_LEN + batch->fields[i].uid.len);
    }
}

void kiss(struct batch *batch, lane_set over)
{
    while (over != 0) {
        unsigned i = lane_take(&over);
        uint8_t *reply = batch_reply(batch, i);
        const unsigned version = ntp_version(reply[NTP_LEAP_VERSION_MODE]);

        // RFC 5905, section 7.4: "RATE", "the client MUST immediately reduce its polling interval".
        reply[NTP_LEAP_VERSION_MODE] = ntp_first(NTP_LEAP_UNKNOWN, version, NTP_MODE_SERVER);
        reply[NTP_STRATUM] = 0;
        be32_put(reply + NTP_REFERENCE_ID, NTP_KISS_RATE);
        if ((int8_t)reply[NTP_POLL] < KISS_POLL)
            reply[NTP_POLL] = KISS_POLL;
    }
}
