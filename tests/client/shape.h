// The shape of an NTS request as a short text, so that a test can specify what it sends:
//
//     uid,cookie,ph*7,auth            the common request for eight cookies
//     cookie,ef:f323:24,uid:48,auth   another order, a field nobody knows
//     uid,cookie,auth,uid             something after the authenticator
//
//   uid[:len]        unique identifier, random, 32 octets
//   cookie[:len]     the cookie, cut or filled with zeros to len octets
//   ph[:len][=xx]    placeholder, as long as the cookie, filled with octet xx
//   ef:type[:len]    a field of that type (hex), 24 octets of zeros
//   auth             authenticator over all before it; its plaintext is the shape's inner list
//   mac:len          that many random octets without a header (a symmetric MAC, say)
//   raw:hex          octets as they are
//   item*n           n times
#pragma once

#include "tests/client/reply.h"

struct shape {
    unsigned version;
    unsigned mode;
    uint8_t poll;
    bool random_header; // random octets from the second to the transmit timestamp
    const char *fields;
    const char *inner; // the same language, for what the authenticator encrypts
    struct seal_shape authenticator;
    const uint8_t *c2s; // the key that seals
    const uint8_t *s2c; // the key that the reply is read with
    const uint8_t *cookie;
    size_t cookie_len;
};

// Version 4, mode 3, the common request.
struct shape shape_plain(void);

// Writes the request and what a strict client expects of the reply; ask points into packet and
// shape. False when the text is wrong.
bool shape_build(const struct shape *shape, struct packet *packet, struct ask *ask);
