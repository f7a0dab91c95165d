// The compiled XDP program (steer.bpf.c), as the build embedded it.
#pragma once

#include <stddef.h>

extern const unsigned char steer_object[];
extern const size_t steer_object_len;
