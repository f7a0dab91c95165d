// The usual shape of NTS requests and replies, for the benches: a header, an identifier of 32
// octets, a cookie, and a placeholder for each further cookie. RFC 8915, section 5.
#pragma once

enum {
    SHAPE_HEADER_LEN = 48,
    SHAPE_UID_LEN = 4 + 32,
    SHAPE_COOKIE_LEN = 4 + 100,
    SHAPE_REPLY_LEN = SHAPE_HEADER_LEN + SHAPE_UID_LEN, // octets that a reply authenticates
};

// The octets that a request for that many cookies authenticates.
static inline unsigned shape_ask_len(unsigned cookies)
{
    return SHAPE_HEADER_LEN + SHAPE_UID_LEN + cookies * SHAPE_COOKIE_LEN;
}
