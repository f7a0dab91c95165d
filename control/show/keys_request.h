// The requests that change the cookie keys, as lines of the control socket:
//
//   keys rotate             a rotation that is not due
//   keys revoke             all keys are revoked
//   keys revoke 0000002a    one key is, named by its id: eight digits of hex
//
// Control's main thread.
#pragma once

#include <stdbool.h>

struct keys;

// Does the line ask for a change?
bool keys_is_request(const char *line);

// Begins it. NULL: keys_turn is to be called now, and keys_outcome tells what becomes of it. Else
// why it cannot be, and nothing has changed.
const char *keys_request(struct keys *keys, const char *line);
