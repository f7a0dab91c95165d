// The compiled XDP program (steer.bpf.c) as the build embedded it: plain, with STEER_READS_STAMPS,
// and with STEER_READS_TAGS besides.
#pragma once

#include <stddef.h>

extern const unsigned char steer_object[];
extern const size_t steer_object_len;
extern const unsigned char steer_stamps_object[];
extern const size_t steer_stamps_object_len;
extern const unsigned char steer_stamps_tags_object[];
extern const size_t steer_stamps_tags_object_len;
