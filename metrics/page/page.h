// The status page, put together and embedded by the build.
#pragma once

#include <stddef.h>

extern const unsigned char page[];
extern const size_t page_len;

// The value of its header Content-Security-Policy.
extern const unsigned char page_policy[];
extern const size_t page_policy_len;
