// The header of the PROXY protocol, version 2, with which a load balancer tells for whom it
// connects. It stands before the first octet of TLS; only its own octets are ever asked for. TLVs
// are skipped. Pure; belongs to one connection. HAProxy's proxy-protocol.txt, section 2.2.
#pragma once

#include "control/ke/ke_source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROXY_HEADER_HEAD = 16,
    PROXY_HEADER_ADDRESSES = 36,  // the most that TCP has: those of IPv6
    PROXY_HEADER_BODY_MAX = 4096, // octets of addresses and TLVs; more is no sound header
};

enum proxy_state {
    PROXY_INCOMPLETE,
    PROXY_COMPLETE,
    PROXY_BAD, // no header of version 2, or none of a TCP connection
};

// Starts all zero.
struct proxy_header {
    uint16_t n;                                                 // octets that have come
    uint8_t octets[PROXY_HEADER_HEAD + PROXY_HEADER_ADDRESSES]; // without TLVs
};

// How many of the next octets are the header's for certain; while it is incomplete at least one.
size_t proxy_header_wants(const struct proxy_header *header);

// Takes the next n octets, at most as many as wanted.
enum proxy_state proxy_header_take(struct proxy_header *header, const uint8_t *octets, size_t n);

// Of a complete one: false for LOCAL, a connection of the balancer itself, such as a health check.
// Else *from is the client.
bool proxy_header_source(const struct proxy_header *header, struct ke_source_address *from);
