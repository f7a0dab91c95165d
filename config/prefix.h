// Prefixes as a file writes them: "192.0.2.0/24", "2001:db8::/32", or the address of one host,
// which is a prefix of full length. Pure; any thread.
#pragma once

#include "base/prefixes.h"

#include <stdbool.h>

enum { PREFIX_TEXT_MAX = 64 }; // with its NUL

// False, with nothing written, when text is no prefix, has bits beyond its length, or is an IPv4
// prefix in IPv6's form (in ::ffff:0:0/96).
bool prefix_read(const char *text, struct prefix *into);

// What was meant, for messages, when text is a prefix but for bits beyond its length or IPv6's form
// of IPv4. False: nothing can be told.
bool prefix_mended(const char *text, char mended[PREFIX_TEXT_MAX]);

void prefix_write(const struct prefix *prefix, char text[PREFIX_TEXT_MAX]);
