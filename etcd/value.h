// A value of etcd and the document in it: sealed text on one side, a document that was judged on
// the other. Contains key material: documents and texts are in memory of secret.h. Any thread.
#pragma once

#include "etcd/gateway.h"
#include "etcd/seal.h"
#include "fleet/document.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VALUE_MAX = FLEET_TEXT_MAX + SEAL_OVERHEAD };
static_assert((int)VALUE_MAX <= (int)GATEWAY_VALUE_MAX, "each document fits into a value");

enum value_fault {
    VALUE_GOOD,
    VALUE_UNOPENED, // not sealed under this secret for this name
    VALUE_BAD,      // opened, but its document has a fault
};

// Opens and reads it. *text_len octets are in text. Where it is not good, error says why.
enum value_fault value_open(const uint8_t secret[SEAL_KEY_LEN], const char *name,
                            const uint8_t *value, size_t len, char text[FLEET_TEXT_MAX],
                            size_t *text_len, struct fleet_document *document,
                            struct fleet_error *error);
