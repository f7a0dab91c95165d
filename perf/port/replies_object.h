// The compiled XDP program (replies.bpf.c), embedded by the build.
#pragma once

#include <stddef.h>

extern const unsigned char replies_object[];
extern const size_t replies_object_len;
