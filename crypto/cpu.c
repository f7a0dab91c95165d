// CPUID and XCR0. Without leaf 7 or OSXSAVE the answer is no. Pure; any thread.
#include "crypto/cpu.h"

#include <stdint.h>

#ifdef __x86_64__
#include <cpuid.h>

enum {
    XCR0_YMM = 0x06, // SSE and AVX state
    XCR0_ZMM = 0xe6, // and AVX-512's masks and upper registers
};

struct features {
    bool aesni, vaes256, vaes512;
    unsigned vector_len;
};

static uint64_t read_xcr0(void)
{
    uint32_t low, high;
    __asm__ __volatile__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static bool has_all(unsigned word, unsigned bits)
{
    return (word & bits) == bits;
}

static struct features query(void)
{
    struct features f = {.vector_len = 16};
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d))
        return f;
    f.aesni = has_all(c, bit_AES | bit_SSSE3);
    if (!has_all(c, bit_OSXSAVE | bit_AVX))
        return f;
    const uint64_t xcr0 = read_xcr0();
    if ((xcr0 & XCR0_YMM) != XCR0_YMM)
        return f;
    f.vector_len = 32;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return f;
    const bool zmm = (xcr0 & XCR0_ZMM) == XCR0_ZMM && has_all(b, bit_AVX512F);
    f.vector_len = zmm ? 64 : 32;
    f.vaes256 = f.aesni && has_all(b, bit_AVX2) && has_all(c, bit_VAES);
    f.vaes512 = f.vaes256 && zmm && has_all(b, bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL);
    return f;
}

// CPUID traps under a hypervisor (microseconds), so it is queried once, before main.
static struct features features;

__attribute__((constructor)) static void remember(void)
{
    features = query();
}

bool cpu_has_aesni(void)
{
    return features.aesni;
}

bool cpu_has_vaes256(void)
{
    return features.vaes256;
}

bool cpu_has_vaes512(void)
{
    return features.vaes512;
}

unsigned cpu_vector_len(void)
{
    return features.vector_len;
}

#else

bool cpu_has_aesni(void)
{
    return false;
}

bool cpu_has_vaes256(void)
{
    return false;
}

bool cpu_has_vaes512(void)
{
    return false;
}

unsigned cpu_vector_len(void)
{
    return 0;
}

#endif
