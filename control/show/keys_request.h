// The requests that change the cookie keys, as lines of the control socket:
//
//   keys rotate                     a rotation that is not due
//   keys revoke                     all keys are revoked
//   keys revoke 0000002a            one key is, named by its id: eight digits of hex
//   keys import 0000002a:3f... ...  keys of another server: id and secret, 64 digits, of each;
//   first
//                                   the one that seals there, then its old ones, newest first
//   keys import-seal ...            the same, and the first one seals here until the next rotation
//
// A line of an import has secrets: who has read it wipes it. Control's main thread.
#pragma once

#include "base/bounds.h"
#include "control/keys/keys.h"

#include <stdbool.h>

enum {
    KEYS_REQUEST_KEY_LEN = 2 * (COOKIE_ID_LEN + COOKIE_KEY_LEN) + 2, // with ':' and a space
    KEYS_REQUEST_MAX = 64 + COOKIE_KEYS_MAX * KEYS_REQUEST_KEY_LEN,
};

// Does the line ask for a change?
bool keys_is_request(const char *line);

// Begins it. NULL: keys_turn is to be called now, and keys_outcome tells what becomes of it. Else
// why it cannot be, and nothing has changed.
const char *keys_request(struct keys *keys, const char *line);
