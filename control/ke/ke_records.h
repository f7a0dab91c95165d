// NTS-KE messages: the framing of a request, what it negotiates, and the octets of the response.
// Knows neither TLS nor sockets nor keys: bytes in, bytes out. Pure; any thread.
// RFC 8915, section 4.
//
//    0                   1                   2                   3
//   |C|         record type         |          body length          |  body ...
//
// A message is a sequence of records, the last an End of Message. What follows the first End of
// Message is not part of the request and is never looked at.
#pragma once

#include "base/bounds.h"
#include "crypto/aead.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KE_RECORD_HEADER = 4,
    KE_REQUEST_MAX = 4096,  // RFC 8915, section 4 asks for 1024 at least
    KE_RESPONSE_MAX = 2048, // ntpsec up to 1.2.4 reads no more
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

// How far the framing of a request that arrives in pieces has been read. Starts all zero.
struct ke_framing {
    size_t at;   // of the first record header not yet passed; the request's length once ended
    bool ended;  // End of Message has been passed: the request is request[0 .. at)
    bool broken; // can no longer become a request: Error 1
};

// Reads on in request, of which len octets have arrived by now; earlier octets have not changed.
void ke_framing_advance(struct ke_framing *framing, const uint8_t *request, size_t len);

// What a request whose framing has ended negotiates.
struct ke_negotiation {
    bool refused;            // answered with `error` alone
    enum ke_error error;     // when refused
    bool ntpv4;              // NTPv4 is the next protocol; false: none is common
    const struct aead *aead; // NULL: none is common
};

struct ke_negotiation ke_negotiate(const uint8_t *request, size_t len);

// What a response says beside the negotiation. The cookies lie one after another, KE_COOKIES of
// octets that the AEAD says each; they may be NULL when no AEAD is common.
struct ke_offer {
    const char *ntp_server; // "" leaves the record out: NTP is at the address of this connection
    uint16_t udp_port;      // 123 leaves the record out
    const uint8_t *cookies;
};

// Writes the whole response to a negotiation that is not refused. Its length.
size_t ke_response_write(const struct ke_negotiation *negotiation, const struct ke_offer *offer,
                         uint8_t out[KE_RESPONSE_MAX]);

// Writes the whole response that an error is. KE_ERROR_LEN.
size_t ke_error_write(enum ke_error error, uint8_t out[KE_ERROR_LEN]);
