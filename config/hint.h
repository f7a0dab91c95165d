// What a wrong value seems to be, for messages. Pure; any thread.
#pragma once

#include "config/schema.h"

#include <stdbool.h>
#include <stddef.h>

// A part of a sentence that follows the value (", a host with a port"), or "".
const char *hint_value(const struct schema_key *key, const char *text);

// Is text one of YAML's words for no value? (Only when it stands without quotes.)
bool hint_is_null(const char *text);

// What keeps a text from being read as YAML in UTF-8 at all, with its line, or NULL.
const char *hint_encoding(const char *text, size_t len, size_t *line);

// The line (from 1) in which the octet at that offset stands.
size_t hint_line(const char *text, size_t len, size_t at);

// Has that line (from 1) a tab where YAML takes blanks alone: before its first word, or behind a
// dash that opens an item?
bool hint_tab(const char *text, size_t len, size_t line);
