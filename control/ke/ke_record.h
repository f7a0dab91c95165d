// A record of an NTS-KE message, for the codecs. RFC 8915, section 4. Pure; any thread.
#pragma once

#include "base/bytes.h"
#include "control/ke/ke_records.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { KE_CRITICAL = 0x8000 };

struct ke_record {
    uint16_t type;
    bool critical;
    uint16_t len;
    const uint8_t *body; // inside the message
};

// The record whose header is there, and whose body is too: the framing has been read.
static inline struct ke_record ke_record_at(const uint8_t *at)
{
    const uint16_t head = be16_get(at);
    return (struct ke_record){
        .type = head & (KE_CRITICAL - 1),
        .critical = (head & KE_CRITICAL) != 0,
        .len = be16_get(at + 2),
        .body = at + KE_RECORD_HEADER,
    };
}

// Each returns the place behind the record. type: with its critical bit.
static inline uint8_t *ke_record_put(uint8_t *at, uint16_t type, const void *body, size_t len)
{
    be16_put(at, type);
    be16_put(at + 2, (uint16_t)len);
    if (len != 0)
        memcpy(at + KE_RECORD_HEADER, body, len);
    return at + KE_RECORD_HEADER + len;
}

static inline uint8_t *ke_record_put_number(uint8_t *at, uint16_t type, uint16_t number)
{
    uint8_t body[2];
    be16_put(body, number);
    return ke_record_put(at, type, body, sizeof body);
}
