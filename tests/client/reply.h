// Parses a reply like a strict client: it checks every octet. RFC 5905, section 7.3; RFC 8915,
// section 5.7; and the further rules of the checklist's section 8. Pure.
#pragma once

#include "tests/client/packet.h"

enum {
    REPLY_COOKIES_MAX = 8,
    REPLY_COOKIE_MAX = 256,
};

enum reply_kind {
    REPLY_BAD,           // breaks a rule: reply.why says which
    REPLY_PLAIN,         // a time without NTS
    REPLY_NAK,           // kiss code NTSN
    REPLY_KISS,          // another kiss code
    REPLY_AUTHENTICATED, // sealed under S2C
};

struct reply {
    enum reply_kind kind;
    const char *why; // "" unless REPLY_BAD
    char kiss[5];
    unsigned leap, version, mode, stratum, poll;
    int precision;
    uint32_t root_delay, root_dispersion, reference_id;
    uint64_t reference, origin, receive, transmit;
    uint8_t nonce[16];
    unsigned n_cookies;
    size_t cookie_len;
    uint8_t cookie[REPLY_COOKIES_MAX][REPLY_COOKIE_MAX];
};

// What was asked. uid_len 0: no unique identifier was sent.
struct ask {
    const uint8_t *request;
    size_t request_len;
    const uint8_t *uid;
    size_t uid_len;
    const uint8_t *s2c;    // NULL: the request was not an NTS request
    const uint8_t *cookie; // the one that was spent
    size_t cookie_len;
    unsigned cookies_asked; // 1 + valid placeholders
};

extern const char *const reply_kind_text[];

void reply_read(const struct ask *ask, const uint8_t *octets, size_t len, struct reply *reply);
