// The compiled XDP program (steer.bpf.c), plain and with STEER_READS_TAGS, as the build embedded
// it.
#pragma once

#include <stddef.h>

extern const unsigned char steer_object[];
extern const size_t steer_object_len;
extern const unsigned char steer_tags_object[];
extern const size_t steer_tags_object_len;
