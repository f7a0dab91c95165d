// The features that the processor and the operating system offer together: CPUID tells what exists,
// XCR0 which registers the kernel saves on a context switch. Queried by our own code, because
// __builtin_cpu_supports does not know VAES in every compiler that is used. Pure; any thread.
#pragma once

#include <stdbool.h>

bool cpu_has_aesni(void);   // AES-NI and SSSE3
bool cpu_has_vaes256(void); // AES-NI, AVX2, and VAES on ymm
bool cpu_has_vaes512(void); // the same, and AVX-512 F, BW, DQ and VL on zmm

// Octets of the widest vector registers, with or without AES: 64, 32, 16, or 0 on other machines.
unsigned cpu_vector_len(void);
