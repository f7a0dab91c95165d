// NTS-KE messages: the framing of a request, the negotiation, and the octets of the response. Knows
// neither TLS nor sockets nor keys: octets in, octets out. Pure; any thread. RFC 8915, section 4.
//
//    0                   1                   2                   3
//   |C|         record type         |          body length          |  body ...
//
// A message is a sequence of records; the last one is End of Message. Octets after the first End of
// Message are not part of the request and are never read.
#pragma once

#include "base/bounds.h"
#include "crypto/aead.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KE_RECORD_HEADER = 4,
    KE_REQUEST_MAX = 4096,  // RFC 8915, section 4 requires at least 1024
    KE_RESPONSE_MAX = 2048, // ntpsec up to 1.2.4 reads no more than this
    KE_ERROR_LEN = 10,      // an Error record and End of Message
    KE_COOKIES = 8,         // RFC 8915, section 4.1.6: eight SHOULD be sent
    KE_SERVER_NAME_MAX = NTP_SERVER_MAX,
};

// Section 7.6 of the RFC: record types.
enum ke_record_type {
    KE_END_OF_MESSAGE = 0,
    KE_NEXT_PROTOCOL = 1,
    KE_ERROR = 2,
    KE_WARNING = 3,
    KE_AEAD_ALGORITHM = 4,
    KE_NEW_COOKIE = 5,
    KE_NTPV4_SERVER = 6,
    KE_NTPV4_PORT = 7,
};

enum { KE_PROTOCOL_NTPV4 = 0 };

// Section 7.7: error codes.
enum ke_error {
    KE_UNRECOGNIZED_CRITICAL_RECORD = 0,
    KE_BAD_REQUEST = 1,
    KE_INTERNAL_SERVER_ERROR = 2,
};

// The state of reading the framing of a request that arrives in pieces. Starts all zero.
struct ke_framing {
    size_t at;   // offset of the next record header; the request's length once ended
    bool ended;  // End of Message has been read: the request is request[0 .. at)
    bool broken; // this cannot become a valid request: Error 1
};

// Continues reading request, of which len octets have arrived by now; earlier octets must not have
// changed.
void ke_framing_advance(struct ke_framing *framing, const uint8_t *request, size_t len);

// The result of negotiating a request whose framing has ended.
struct ke_negotiation {
    bool refused;            // the answer is only `error`
    enum ke_error error;     // when refused
    bool ntpv4;              // NTPv4 is the next protocol; false: there is no common protocol
    const struct aead *aead; // NULL: there is no common AEAD
};

struct ke_negotiation ke_negotiate(const uint8_t *request, size_t len);

// The rest of a response, besides the negotiation. The cookies are stored one after another,
// KE_COOKIES of the AEAD's cookie length each; NULL is allowed when there is no common AEAD.
struct ke_offer {
    const char *ntp_server; // "" leaves the record out: NTP has the address of this connection
    uint16_t udp_port;      // 123 leaves the record out
    const uint8_t *cookies;
};

// Writes the whole response to a negotiation that is not refused. Returns its length.
size_t ke_response_write(const struct ke_negotiation *negotiation, const struct ke_offer *offer,
                         uint8_t out[KE_RESPONSE_MAX]);

// Writes the whole response for an error. Returns KE_ERROR_LEN.
size_t ke_error_write(enum ke_error error, uint8_t out[KE_ERROR_LEN]);
