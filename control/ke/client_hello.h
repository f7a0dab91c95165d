// Watches the octets that a client sends before encryption starts, for the length that its
// ClientHello claims: OpenSSL allocates up to 128 KiB on that claim alone, which ten thousand idle
// connections would turn into gigabytes. Records may cut the message anywhere.
// Pure; belongs to one connection. RFC 8446, sections 4 and 5.1.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Far above any honest one: post-quantum key shares included, they stay under 4 KiB.
enum { CLIENT_HELLO_MAX = 16384 };

// Starts all zero.
struct client_hello {
    bool encrypted; // nothing more to see
    uint8_t n_head;
    uint8_t n_message;
    uint8_t head[5];       // type, version, length of the record
    uint8_t message[4];    // type, length of the handshake message
    uint32_t record_left;  // octets of the record's body still to come
    uint32_t message_left; // octets of the message's body still to come
};

// Looks at the next n octets of the stream. False once a message claims too much.
bool client_hello_watch(struct client_hello *hello, const uint8_t *octets, size_t n);
