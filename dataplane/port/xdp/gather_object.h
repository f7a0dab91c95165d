// The compiled XDP program (gather.bpf.c), as the build embedded it.
#pragma once

#include <stddef.h>

extern const unsigned char gather_object[];
extern const size_t gather_object_len;
