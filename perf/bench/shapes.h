// The shape of NTS's usual request and reply, as the benches use it: a header, an identifier of 32
// octets, a cookie, and a placeholder for each further cookie. RFC 8915, section 5.
#pragma once

enum {
    SHAPE_HEADER_LEN = 48,
    SHAPE_UID_LEN = 4 + 32,
    SHAPE_COOKIE_LEN = 4 + 100,
    SHAPE_REPLY_LEN = SHAPE_HEADER_LEN + SHAPE_UID_LEN, // what a reply authenticates
};

// What a request authenticates that asks for that many cookies.
static inline unsigned shape_ask_len(unsigned cookies)
{
    return SHAPE_HEADER_LEN + SHAPE_UID_LEN + cookies * SHAPE_COOKIE_LEN;
}
