// What the processor and the operating system offer together: CPUID says what exists, XCR0 which
// registers the kernel saves on a context switch. Asked by hand, because __builtin_cpu_supports
// does not know VAES under every compiler that we build with. Pure; any thread.
#pragma once

#include <stdbool.h>

bool cpu_has_aesni(void);   // AES-NI and SSSE3
bool cpu_has_vaes256(void); // that, AVX2 and VAES on ymm
bool cpu_has_vaes512(void); // that, AVX-512 F, BW, DQ and VL on zmm

// Octets of the widest vector registers, with or without AES: 64, 32, 16, or 0 on other machines.
unsigned cpu_vector_len(void);
