// OpenSSL's memory, wiped when it is freed. OpenSSL wipes much itself, but not all: the text of a
// key file is left in its decoder's buffer. Any thread.
#pragma once

#include <stdbool.h>

// Takes effect from now on; call it before OpenSSL has allocated anything. False: it was too late.
bool tls_memory_take(void);
