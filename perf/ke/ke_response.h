// NTS-KE as a client speaks it: the octets of the request, and what a response grants or why it
// grants nothing. Knows neither TLS nor sockets nor the server's NTS-KE; the AEADs are crypto's
// rows. Pure; any thread. RFC 8915, section 4.
#pragma once

#include "crypto/aead.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KE_GRANT_COOKIES = 8,      // that are kept; a server should send no more
    KE_GRANT_COOKIE_MAX = 256, // octets
    KE_GRANT_SERVER_MAX = 255,
    KE_REQUEST_MAX = 64,     // octets of a request
    KE_ANSWER_MAX = 1 << 16, // RFC 8915, section 4: clients accept responses of that length
};

// What one exchange yields. Holds keys: whoever copies it wipes the copy.
struct ke_grant {
    const struct aead *aead; // that the server has chosen
    uint16_t n_cookies;      // 1 to KE_GRANT_COOKIES
    uint16_t cookie_len;     // 1 to KE_GRANT_COOKIE_MAX; of each
    uint16_t port;           // where NTP is served: 123 unless the response says another
    char server[KE_GRANT_SERVER_MAX + 1]; // a name or a numeric address; "": that of the exchange
    uint8_t cookie[KE_GRANT_COOKIES][KE_GRANT_COOKIE_MAX];
    uint8_t c2s[AEAD_KEY_MAX]; // from the TLS exporter: ke_response_read leaves them zero
    uint8_t s2c[AEAD_KEY_MAX];
};

// Why a response grants nothing, in the order in which they are looked for.
enum ke_fault {
    KE_FAULT_NONE,
    KE_FAULT_FRAMING,  // no End of Message, or one with a body; a record that leaves the response
    KE_FAULT_ERROR,    // an Error record: its code is given
    KE_FAULT_WARNING,  // a Warning record: its code is given; none is defined, so it is an error
    KE_FAULT_CRITICAL, // a critical record of a type that we do not know: the type is given
    KE_FAULT_RECORD,   // a body that its type cannot have, or a second one where one may be
    KE_FAULT_NO_PROTOCOL,  // Next Protocol Negotiation is missing
    KE_FAULT_NOT_NTPV4,    // no protocol in common
    KE_FAULT_NO_AEAD,      // AEAD Algorithm Negotiation is missing
    KE_FAULT_NO_COMMON,    // no AEAD in common
    KE_FAULT_FOREIGN_AEAD, // one that we have not offered: its id is given
    KE_FAULT_NO_COOKIES,
    KE_FAULT_COOKIE_LEN, // empty, too long, or not all of one length
    KE_FAULT_COUNT,
};

// What a fault is to people: "no AEAD in common".
extern const char *const ke_fault_text[KE_FAULT_COUNT];

// The name of an error code of section 4.1.3, or "unknown".
const char *ke_error_text(uint16_t code);

// Writes the request that offers n AEADs (1 or more) in that order: aead_rows, or some of them. Its
// length.
size_t ke_request_write(const struct aead *aeads, size_t n, uint8_t out[KE_REQUEST_MAX]);

// True once the response, of which len octets have arrived by now, has its End of Message. *at
// starts at 0 and keeps the place between calls; it is the response's length once it has ended.
bool ke_response_ended(const uint8_t *response, size_t len, size_t *at);

// Reads the response to a request that offered the n AEADs. Writes *grant when there is no fault,
// *code when the fault gives one.
enum ke_fault ke_response_read(const uint8_t *response, size_t len, const struct aead *aeads,
                               size_t n, struct ke_grant *grant, uint16_t *code);
