// What etcd stores: the fleet's document, sealed. etcd keeps old values, its administrators and its
// backups see all of them, and its access control has had holes, so it never gets a secret in the
// clear.
//
//   version 1 (1 octet) | nonce (12 octets, random) | AES-256-GCM of the document | tag (16 octets)
//
// Associated data are the version and the name of etcd's key, so that a value that was moved to
// another key does not open. Pure, but for the nonce. Any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SEAL_KEY_LEN = 32,
    SEAL_OVERHEAD = 1 + 12 + 16, // octets that a sealed text is longer
};

// Seals len octets under the fleet's secret. Writes len + SEAL_OVERHEAD octets to sealed. False:
// libcrypto has failed, and nothing that was written may be used.
bool seal_close(const uint8_t secret[SEAL_KEY_LEN], const char *name, const uint8_t *text,
                size_t len, uint8_t *sealed);

// Opens len octets, and writes len - SEAL_OVERHEAD to text. False: they are no value of this
// version that was sealed under this secret for this name, and text has been wiped.
bool seal_open(const uint8_t secret[SEAL_KEY_LEN], const char *name, const uint8_t *sealed,
               size_t len, uint8_t *text);
