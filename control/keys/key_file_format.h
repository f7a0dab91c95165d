// The octets of a key file: key_file.h has the layout. Pure except for SHA-256; any thread.
#pragma once

#include "control/keys/key_file.h"

#include <stdbool.h>

void key_file_encode(const struct key_set *set, const struct key_file_moment *moment,
                     uint8_t octets[KEY_FILE_LEN]);

// NULL with *set filled in, or the fault as text for the log; *set is then undefined.
const char *key_file_decode(const uint8_t octets[KEY_FILE_LEN],
                            const struct key_file_moment *moment, struct key_set *set);
