// Counts what kind of sessions there are, and what they cost. In the loops' threads.
#pragma once

#include "board/ke_counters.h"

#include <openssl/ssl.h>
#include <stdint.h>

// A TLS handshake has just been completed, after that time.
void ke_note_handshake(struct ke_counters *counters, SSL *session, uint64_t ns);

// Adds the CPU time that this thread has used since it had used `before`. Returns what it has used.
uint64_t ke_note_cpu(struct ke_counters *counters, uint64_t before);
