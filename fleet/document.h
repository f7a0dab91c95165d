// The document that the nodes of a fleet share: secrets, each good for a span of time, from which
// every node derives the same cookie keys (fleet/derive.h). RFC 8915, section 6.
//
//     noonmark-fleet 1
//     # a comment; the first line is always the one above
//     serial 12
//     rotate 24h
//     2026-12-01T00:00Z 2027-01-01T00:00Z 7f3a... (64 hexadecimal digits)
//     2027-01-01T00:00Z 2027-02-01T00:00Z 09c1...
//     revoke 1b2c3d4e
//     sum 5d9a... (64 hexadecimal digits)
//
//   serial  rises with each version of the document; a node takes none with a lower one
//   rotate  how long a key seals: s, m, h or d; 24h if the line is missing. Periods are counted
//           from 1970 (UTC, without leap seconds), and the same on all nodes
//   spans   FROM UNTIL SECRET, in the order of time: each begins where the one before ends
//   revoke  the id of a key that opens and seals no cookie any more
//   sum     the last line: SHA-256 of all octets before it. A document that was cut off or damaged
//           anywhere is noticed, and is not half believed
//
// Contains key material: documents and their texts must be in memory from secret.h. Pure, except
// for SHA-256; any thread.
#pragma once

#include "base/bounds.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FLEET_SECRET_LEN = 32,
    FLEET_SPANS_MAX = 128, // ten years of months
    FLEET_REVOKED_MAX = 64,
    FLEET_TEXT_MAX = 32 * 1024, // octets of a document, comments included
    FLEET_ROTATE_S = 24 * 3600, // without a `rotate` line
    FLEET_ROTATE_MAX_S = 30 * 24 * 3600,
    FLEET_TIME_LEN = sizeof "2026-12-01T00:00:00Z", // with the NUL
    FLEET_SUM_LEN = 64,                             // hexadecimal digits, without a NUL
    FLEET_FINGERPRINT_LEN = sizeof "9c1f0a3b",      // with the NUL
};

struct fleet_span {
    int64_t from_s;  // seconds of UTC since 1970: the first one of the span
    int64_t until_s; // the first one after it
    uint8_t secret[FLEET_SECRET_LEN];
};

struct fleet_document {
    uint64_t serial;   // at least 1
    uint32_t rotate_s; // length of a period
    uint32_t n_spans;  // at least 1
    uint32_t n_revoked;
    uint32_t revoked[FLEET_REVOKED_MAX]; // ids
    struct fleet_span span[FLEET_SPANS_MAX];
};

struct fleet_error {
    unsigned line;  // counted from 1; 0: of the document as a whole
    char text[200]; // what is wrong and what to do, without a newline; nothing of a secret
};

// Reads and judges the text of a document. False with *error, and with *document wiped, when there
// is a fault. The text is not changed, and none of it is kept.
bool fleet_document_parse(const char *text, size_t len, struct fleet_document *document,
                          struct fleet_error *error);

// Are the fields in their ranges, and do the spans follow one another? False with *error; line is
// 0.
bool fleet_document_sound(const struct fleet_document *document, struct fleet_error *error);

// Writes the text of a sound document, without comments, with its sum; returns its length. What is
// printed can be parsed again.
size_t fleet_document_print(const struct fleet_document *document, char text[FLEET_TEXT_MAX]);

// The fingerprint: 8 hexadecimal digits, the first octets of the SHA-256 of all spans, their
// secrets, and the period. Nodes with the same fingerprint have the same keys; it tells nobody a
// secret. Serial and `revoke` lines do not change it.
void fleet_document_fingerprint(const struct fleet_document *document,
                                char out[FLEET_FINGERPRINT_LEN]);

// What is left of the spans at a time.
enum fleet_end {
    FLEET_END_FAR,
    FLEET_END_WEEK, // less than 7 days: warn
    FLEET_END_DAY,  // less than a day: alarm
    FLEET_ENDED,    // nothing: the last period's key is frozen
};
enum fleet_end fleet_document_end(const struct fleet_document *document, int64_t utc_s);

bool fleet_document_revokes(const struct fleet_document *document, uint32_t id);
