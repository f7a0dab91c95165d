// The texts of the profiles, made by the build from the files of this folder.
#pragma once

#include <stddef.h>

extern const unsigned char profile_public_2026_1[];
extern const size_t profile_public_2026_1_len;
