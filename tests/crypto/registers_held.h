// Reads the vector registers, for tests that no part of a secret stays in them. Call it at once,
// because every other call may change them.
#pragma once

#include "crypto/cpu.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { REGISTERS_MAX = 32, REGISTER_WIDEST = 64 };

#ifdef __x86_64__

#define REGISTERS_16 "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"
#define REGISTERS_32 REGISTERS_16 ",16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"
// Each register of the list into 64 octets of its own, or from 64 octets that all have.
#define REGISTERS_READ(list, move, name, at)                                                       \
    __asm__ __volatile__(".irp n," list "\n\t" move " %%" name "\\n, 64*\\n(%0)\n\t.endr"          \
                         :                                                                         \
                         : "r"(at)                                                                 \
                         : "memory")
#define REGISTERS_FILL(list, move, name, at)                                                       \
    __asm__ __volatile__(".irp n," list "\n\t" move " (%0), %%" name "\\n\n\t.endr"                \
                         :                                                                         \
                         : "r"(at)                                                                 \
                         : "memory")

static inline void registers_read_xmm(uint8_t held[REGISTERS_MAX][REGISTER_WIDEST])
{
    REGISTERS_READ(REGISTERS_16, "movdqu", "xmm", held);
}

__attribute__((target("avx"))) static inline void
registers_read_ymm(uint8_t held[REGISTERS_MAX][REGISTER_WIDEST])
{
    REGISTERS_READ(REGISTERS_16, "vmovdqu", "ymm", held);
}

__attribute__((target("avx512f"))) static inline void
registers_read_zmm(uint8_t held[REGISTERS_MAX][REGISTER_WIDEST])
{
    REGISTERS_READ(REGISTERS_32, "vmovdqu64", "zmm", held);
}

// Octets that no register has stay as they are.
static inline void registers_read(uint8_t held[REGISTERS_MAX][REGISTER_WIDEST])
{
    if (cpu_vector_len() == 64)
        registers_read_zmm(held);
    else if (cpu_vector_len() == 32)
        registers_read_ymm(held);
    else
        registers_read_xmm(held);
}

#else

static inline void registers_read(uint8_t held[REGISTERS_MAX][REGISTER_WIDEST])
{
    (void)held;
}

#endif

// Is any piece of 8 octets of the secret in what was read?
static inline bool registers_hold(uint8_t held[REGISTERS_MAX][REGISTER_WIDEST],
                                  const uint8_t *secret, size_t len)
{
    for (size_t piece = 0; piece + 8 <= len; piece += 8)
        for (size_t i = 0; i + 8 <= (size_t)REGISTERS_MAX * REGISTER_WIDEST; i++)
            if (memcmp(&held[0][0] + i, secret + piece, 8) == 0)
                return true;
    return false;
}
