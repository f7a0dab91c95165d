// One value: from the text of a file into struct config and back. The schema says which values are
// allowed. Pure except for memory; any thread.
#pragma once

#include "config/schema.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>

// Reads text into the key->size octets at into, which are zero. Texts are copied to the heap.
// False, with nothing written, when the key does not allow the value (or memory has run out).
bool value_parse(const struct schema_key *key, const char *text, void *into);

// Reads "ADDRESS:PORT" or "[ADDRESS]:PORT". False, with nothing written, if it is neither.
bool value_endpoint(const char *text, struct sockaddr_storage *address, socklen_t *len);

// Writes the value at from in the form that value_parse reads, quoted where YAML may need it.
void value_print(const struct schema_key *key, const void *from, FILE *out);

// Are the values in both places equal?
bool value_equal(const struct schema_key *key, const void *a, const void *b);

// Frees the memory that value_parse allocated.
void value_free(const struct schema_key *key, void *at);
