// OpenSSL's memory, wiped when it is given back. OpenSSL wipes much itself, but not all: a key
// file's text stays behind in the buffer of its decoder. Any thread.
#pragma once

#include <stdbool.h>

// From now on; before OpenSSL has allocated anything. False: it has.
bool tls_memory_take(void);
