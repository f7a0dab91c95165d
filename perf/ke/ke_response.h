// The client's side of the NTS-KE protocol: writes the request and reads the response. Independent
// of TLS, sockets and the server's NTS-KE; the AEADs are the rows of crypto/. Pure; any thread. RFC
// 8915, section 4.
#pragma once

#include "crypto/aead.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KE_GRANT_COOKIES = 8,      // cookies that are kept; a server should send no more
    KE_GRANT_COOKIE_MAX = 256, // octets
    KE_GRANT_SERVER_MAX = 255,
    KE_REQUEST_MAX = 64,     // octets of a request
    KE_ANSWER_MAX = 1 << 16, // RFC 8915, section 4: clients accept responses of that length
};

// The result of one exchange. It has keys, so every copy must be wiped.
struct ke_grant {
    const struct aead *aead; // the server's choice
    uint16_t n_cookies;      // 1 to KE_GRANT_COOKIES
    uint16_t cookie_len;     // 1 to KE_GRANT_COOKIE_MAX; of each
    uint16_t port;           // the UDP port of NTP: 123 unless the response has another
    char server[KE_GRANT_SERVER_MAX +
                1]; // name or numeric address of the NTP server; "": the NTS-KE server's
    uint8_t cookie[KE_GRANT_COOKIES][KE_GRANT_COOKIE_MAX];
    uint8_t c2s[AEAD_KEY_MAX]; // from the TLS exporter: ke_response_read leaves them zero
    uint8_t s2c[AEAD_KEY_MAX];
};

// The faults of a response, in the order of the checks.
enum ke_fault {
    KE_FAULT_NONE,
    KE_FAULT_FRAMING,  // no End of Message, or one with a body; a record that exceeds the response
    KE_FAULT_ERROR,    // an Error record: its code is given
    KE_FAULT_WARNING,  // a Warning record: its code is given; none is defined, so it is an error
    KE_FAULT_CRITICAL, // an unknown critical record: its type is given
    KE_FAULT_RECORD,   // a malformed body, or a second record of a type that may appear once
    KE_FAULT_NO_PROTOCOL,  // Next Protocol Negotiation is missing
    KE_FAULT_NOT_NTPV4,    // no protocol in common
    KE_FAULT_NO_AEAD,      // AEAD Algorithm Negotiation is missing
    KE_FAULT_NO_COMMON,    // no AEAD in common
    KE_FAULT_FOREIGN_AEAD, // an AEAD that was not offered: its id is given
    KE_FAULT_NO_COOKIES,
    KE_FAULT_COOKIE_LEN, // cookies are empty, too long, or of different lengths
    KE_FAULT_COUNT,
};

// The text of a fault: "no AEAD in common".
extern const char *const ke_fault_text[KE_FAULT_COUNT];

// The name of an error code of section 4.1.3, or "unknown".
const char *ke_error_text(uint16_t code);

// Writes the request that offers n AEADs (1 or more) in that order: aead_rows, or some of them. Its
// length.
size_t ke_request_write(const struct aead *aeads, size_t n, uint8_t out[KE_REQUEST_MAX]);

// True when the len octets received so far contain the End of Message. *at starts at 0 and keeps
// the position between calls; at the end it is the length of the response.
bool ke_response_ended(const uint8_t *response, size_t len, size_t *at);

// Reads the response to a request that offered the n AEADs. Writes *grant when there is no fault,
// *code when the fault gives one.
enum ke_fault ke_response_read(const uint8_t *response, size_t len, const struct aead *aeads,
                               size_t n, struct ke_grant *grant, uint16_t *code);
