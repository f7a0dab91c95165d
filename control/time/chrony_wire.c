// Requests and replies of chronyd's command protocol.
#include "control/time/chrony_wire.h"

#include "base/bytes.h"

#include <math.h>
#include <string.h>

enum {
    VERSION = 6,
    TYPE_REQUEST = 1,
    TYPE_REPLY = 2,
    COMMAND_TRACKING = 33,
    REPLY_TRACKING = 5,
    STATUS_SUCCESS = 0,

    // Both heads begin with version, type, two unused octets and the command.
    AT_VERSION = 0,
    AT_TYPE = 1,
    AT_COMMAND = 4,
    AT_REQUEST_NUMBER = 8,
    AT_REPLY = 6, // the kind of what follows the head
    AT_STATUS = 8,
    AT_REPLY_NUMBER = 16,
    REPLY_HEAD_LEN = 28,

    // The report, behind the reply's head.
    AT_REFERENCE_ID = 28,
    AT_STRATUM = 52, // after the address of the reference, which nothing here needs
    AT_LEAP = 54,
    AT_TIME_HIGH = 56, // of the seconds since 1970
    AT_TIME_LOW = 60,
    AT_TIME_NS = 64,
    AT_CORRECTION = 68,
    AT_ROOT_DELAY = 92, // after offsets and frequencies
    AT_ROOT_DISPERSION = 96,

    STRATUM_MAX = 16,
    LEAP_MAX = 3,
};

#define SECONDS_MAX 1e6 // of any span in a report: far above what a clock can have

void chrony_request(uint32_t number, uint8_t packet[CHRONY_PACKET_LEN])
{
    memset(packet, 0, CHRONY_PACKET_LEN);
    packet[AT_VERSION] = VERSION;
    packet[AT_TYPE] = TYPE_REQUEST;
    be16_put(packet + AT_COMMAND, COMMAND_TRACKING);
    be32_put(packet + AT_REQUEST_NUMBER, number);
}

// A number of chronyd's: 7 bits of exponent, then 25 bits of a coefficient, both two's complement.
static double number_at(const uint8_t *at)
{
    const uint32_t word = be32_get(at);
    int exponent = (int)(word >> 25);
    int32_t coefficient = (int32_t)(word & 0x1ffffff);

    if (exponent >= 64)
        exponent -= 128;
    if (coefficient >= 0x1000000)
        coefficient -= 0x2000000;
    return ldexp(coefficient, exponent - 25);
}

static bool read_report(const uint8_t *packet, struct chrony_tracking *tracking)
{
    const uint16_t stratum = be16_get(packet + AT_STRATUM);
    const uint16_t leap = be16_get(packet + AT_LEAP);
    const uint32_t ns = be32_get(packet + AT_TIME_NS);
    const uint64_t seconds =
        (uint64_t)be32_get(packet + AT_TIME_HIGH) << 32 | be32_get(packet + AT_TIME_LOW);
    const struct chrony_tracking t = {
        .reference_id = be32_get(packet + AT_REFERENCE_ID),
        .stratum = (uint8_t)stratum,
        .leap = (uint8_t)leap,
        .correction_s = number_at(packet + AT_CORRECTION),
        .root_delay_s = number_at(packet + AT_ROOT_DELAY),
        .root_dispersion_s = number_at(packet + AT_ROOT_DISPERSION),
    };

    if (stratum > STRATUM_MAX || leap > LEAP_MAX || ns >= NS_PER_S ||
        fabs(t.correction_s) > SECONDS_MAX || t.root_delay_s < 0 || t.root_delay_s > SECONDS_MAX ||
        t.root_dispersion_s < 0 || t.root_dispersion_s > SECONDS_MAX)
        return false;
    *tracking = t;
    // 0 means that there was no update yet, here as in NTP.
    if (seconds != 0 || ns != 0)
        tracking->reference_time = ntp_time_from_unix((int64_t)seconds, ns);
    return true;
}

enum chrony_verdict chrony_reply(const uint8_t *packet, size_t len, uint32_t number,
                                 struct chrony_tracking *tracking)
{
    if (len < REPLY_HEAD_LEN || packet[AT_TYPE] != TYPE_REPLY ||
        be16_get(packet + AT_COMMAND) != COMMAND_TRACKING ||
        be32_get(packet + AT_REPLY_NUMBER) != number)
        return CHRONY_OTHER;
    if (packet[AT_VERSION] != VERSION || be16_get(packet + AT_STATUS) != STATUS_SUCCESS ||
        be16_get(packet + AT_REPLY) != REPLY_TRACKING)
        return CHRONY_REFUSED;
    if (len != CHRONY_PACKET_LEN || !read_report(packet, tracking))
        return CHRONY_BROKEN;
    return CHRONY_GOOD;
}
