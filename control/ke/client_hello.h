// Checks the octets that a client sends before encryption starts, for the length that its
// ClientHello claims: OpenSSL allocates up to 128 KiB for that claim alone, which is gigabytes for
// ten thousand idle connections. Records may split the message anywhere. Pure; belongs to one
// connection. RFC 8446, sections 4 and 5.1.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Far above every real one: with post-quantum key shares they stay under 4 KiB.
enum { CLIENT_HELLO_MAX = 16384 };

// Starts all zero.
struct client_hello {
    bool encrypted; // nothing more to check
    uint8_t n_head;
    uint8_t n_message;
    uint8_t head[5];       // type, version, length of the record
    uint8_t message[4];    // type, length of the handshake message
    uint32_t record_left;  // remaining octets of the record's body
    uint32_t message_left; // remaining octets of the message's body
};

// Checks the next n octets of the stream. False once a message claims too much.
bool client_hello_watch(struct client_hello *hello, const uint8_t *octets, size_t n);
