// Extension fields: the cursor over a chain of them, the walk over a request's fields, and the
// lengths inside the authenticator. RFC 7822; RFC 8915, sections 5.2 to 5.6. Knows the order of the
// fields and whether the chain is well formed, but not what a server does about it. Of the crypto
// it reads only the AEADs' lengths.
//
// Fields after the authenticator are ignored; the packet is not (RFC 8915, section 5.6). A clear
// field has 16 octets or more and the last one 28 (RFC 7822). So a cookie field with a body of up
// to 8 octets makes the chain malformed: it gets no reply, not even a NAK. Pure; any thread.
// Offsets count from the first octet of the NTP header.
#pragma once

#include "base/bytes.h"
#include "crypto/aead.h"

#include <stdbool.h>
#include <stdint.h>

enum field_type {
    FIELD_UNIQUE_IDENTIFIER = 0x0104,
    FIELD_COOKIE = 0x0204,
    FIELD_COOKIE_PLACEHOLDER = 0x0304,
    FIELD_AUTHENTICATOR = 0x0404,
    // Of this server: asks which of the servers of one address answers. A number of those that RFC
    // 9748 leaves to experiments, so another server may use it for something else.
    FIELD_INSTANCE_ID = 0xf1d0,
};

enum {
    FIELD_HEADER_LEN = 4, // type and length
    FIELD_CLEAR_MIN = 16, // whole field, outside of the authenticator (RFC 7822, section 7.5)
    FIELD_SEALED_MIN = 4, // whole field, inside of it (RFC 8915, section 5.6)
    FIELDS_MAX = 32,      // of one chain; a chain with more is refused
    FIELD_LAST_MIN = 28,  // with fewer octets left there is no field: it may be a MAC
    MAC_MIN = 20,         // key id and 16 octets of digest
    MAC_MAX = 24,         // key id and 20 octets
    CRYPTO_NAK_LEN = 4,   // key id 0 and nothing else

    // The body of FIELD_INSTANCE_ID, of request and reply: in a request it is not read, in a reply
    // it is printable ASCII, zero padded. So a reply with it is as long as its request.
    FIELD_INSTANCE_ID_LEN = 32,
};

struct field {
    uint16_t type;
    uint16_t at;  // of its header
    uint16_t len; // of its body
};

// A position in a chain of fields. `broken` is sticky: after a malformed field there is no next
// one.
struct field_cursor {
    const uint8_t *bytes;
    uint32_t at;
    uint32_t end;
    uint32_t least; // the minimum length of a whole field
    uint32_t n;     // fields taken
    bool broken;
};

// A chain in bytes[at .. end). least is FIELD_CLEAR_MIN or FIELD_SEALED_MIN.
struct field_cursor field_cursor_over(const uint8_t *bytes, uint32_t at, uint32_t end,
                                      uint32_t least);

// Takes the next field. False at the end of the chain, and when it is broken: a length under
// `least`, not a multiple of 4 or past the end, or more than FIELDS_MAX fields.
static inline bool field_next(struct field_cursor *cursor, struct field *field)
{
    uint32_t left = cursor->end - cursor->at;
    if (cursor->broken || left == 0)
        return false;
    cursor->broken = true; // until all checks below have passed

    if (left < FIELD_HEADER_LEN || cursor->n == FIELDS_MAX)
        return false;
    const uint8_t *header = cursor->bytes + cursor->at;
    uint32_t whole = be16_get(header + 2);
    if (whole < cursor->least || whole % 4 != 0 || whole > left)
        return false;

    *field = (struct field){
        .type = be16_get(header),
        .at = (uint16_t)cursor->at,
        .len = (uint16_t)(whole - FIELD_HEADER_LEN),
    };
    cursor->at += whole;
    cursor->n++;
    cursor->broken = false;
    return true;
}

// The header of a field with a body of len octets, as one word.
static inline uint32_t field_header(enum field_type type, uint32_t len)
{
    return (uint32_t)type << 16 | (FIELD_HEADER_LEN + len);
}

// Writes a field's header for a body of len octets and returns the place of the body.
static inline uint8_t *field_put(uint8_t *at, enum field_type type, uint32_t len)
{
    be32_put(at, field_header(type, len));
    return at + FIELD_HEADER_LEN;
}

// The places of the nonce and the sealed octets in an authenticator.
//
//  +-------------------------------+-------------------------------+
//  |         0x0404                |         length                |
//  +-------------------------------+-------------------------------+
//  |       nonce length            |     ciphertext length         |  body starts here
//  +-------------------------------+-------------------------------+
//  |  nonce, zero padded to 4                                      |
//  +---------------------------------------------------------------+
//  |  ciphertext, the tag in it, zero padded to 4                  |
//  +---------------------------------------------------------------+
//  |  additional padding                                           |
//  +---------------------------------------------------------------+
struct authenticator {
    uint16_t nonce_at;
    uint16_t nonce_len;
    uint16_t sealed_at;
    uint16_t sealed_len; // tag included
};

enum { AUTHENTICATOR_LENGTHS_LEN = 4 }; // nonce length, ciphertext length

// The two lengths as one word.
static inline uint32_t authenticator_lengths(uint32_t nonce_len, uint32_t sealed_len)
{
    return nonce_len << 16 | sealed_len;
}

// Reads the lengths of an authenticator for that AEAD. False when they break RFC 8915, section 5.6:
// then the packet is discarded.
bool authenticator_open(const uint8_t *bytes, const struct field *field,
                        const struct aead_lengths *aead, struct authenticator *a);

// The result of the walk over a request's fields. Fields after the first authenticator are neither
// read nor counted.
struct fields {
    struct field uid;           // the first one, when n_uid > 0
    struct field cookie;        // likewise
    struct field authenticator; // when has_authenticator
    uint8_t n_uid;
    uint8_t n_cookies;
    uint8_t n_placeholders; // only those whose body is as long as the cookie's
    bool has_authenticator;
    bool mac : 1;     // a symmetric MAC or a crypto-NAK stands where a field could
    bool broken : 1;  // malformed, or too many fields
    bool asks_id : 1; // there is a FIELD_INSTANCE_ID of the right length
};

// Walks the fields behind the header of a version 4 packet of len octets, len >= NTP_LEN.
void fields_walk(const uint8_t *ntp, uint32_t len, struct fields *fields);

// The usual request of an NTS client: an identifier of 32 octets, a cookie of one of our AEADs,
// placeholders as long as that cookie, and an authenticator that ends the packet, with that AEAD's
// own nonce length and only the tag as sealed octets.
enum { FIELDS_USUAL_UID_LEN = 32 };

// The same as fields_walk and authenticator_open, for that layout only. False for any other layout,
// and then nothing is written.
bool fields_usual(const uint8_t *ntp, uint32_t len, struct fields *fields, struct authenticator *a);

// Walks the decrypted fields of a request and counts the placeholders whose body has cookie_len
// octets. False when the chain is malformed or holds an authenticator.
bool fields_count_sealed(const uint8_t *plain, uint32_t len, uint32_t cookie_len,
                         uint32_t *n_placeholders);
