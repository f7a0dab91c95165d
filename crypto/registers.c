#include "crypto/registers.h"

#include "crypto/cpu.h"

#ifdef __x86_64__

// Each function is built for one register width, and runs only where cpu_vector_len() returns it.

static void wipe_xmm(void)
{
    __asm__ __volatile__(".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\t"
                         "pxor %%xmm\\n, %%xmm\\n\n\t"
                         ".endr"
                         :
                         :
                         : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                           "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

__attribute__((target("avx"))) static void wipe_ymm(void)
{
    __asm__ __volatile__("vzeroall"
                         :
                         :
                         : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                           "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

// vzeroall clears only the first sixteen registers, but in their whole width.
__attribute__((target("avx512f"))) static void wipe_zmm(void)
{
    __asm__ __volatile__("vzeroall\n\t"
                         ".irp n,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n\t"
                         "vpxorq %%zmm\\n, %%zmm\\n, %%zmm\\n\n\t"
                         ".endr"
                         :
                         :
                         : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                           "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16",
                           "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24",
                           "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
}

void registers_wipe(void)
{
    switch (cpu_vector_len()) {
    case 64:
        wipe_zmm();
        break;
    case 32:
        wipe_ymm();
        break;
    default:
        wipe_xmm();
        break;
    }
}

#else

void registers_wipe(void)
{
}

#endif
