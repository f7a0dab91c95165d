// Base64 (RFC 4648, section 4), in which etcd's gateway carries keys and values. Pure; any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Octets of the text of len octets, with its NUL.
#define BASE64_ROOM(len) (((len) + 2) / 3 * 4 + 1)

// Writes the text, with its NUL. len is below 2^30.
void base64_encode(const uint8_t *octets, size_t len, char *text);

// Decodes the text into at most room octets. Returns how many, or -1 where the text is no base64,
// has blanks, or is too long.
ssize_t base64_decode(const char *text, uint8_t *octets, size_t room);
