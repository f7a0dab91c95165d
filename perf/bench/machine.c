// Measures and describes the machine. One thread.
#include "perf/bench/machine.h"

#include "base/tsc.h"
#include "crypto/cpu.h"

#include <cpuid.h>
#include <stdint.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum {
    CHAIN = 20000, // additions per sample
    CHAIN_SAMPLES = 2000,
    WATCH_MS = 50,
};

static double monotonic_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double measure_tsc_hz(void)
{
    double from_s = monotonic_s();
    uint64_t from = tsc_now();
    double now_s = from_s;
    while (now_s < from_s + WATCH_MS / 1e3)
        now_s = monotonic_s();
    return (double)(tsc_now() - from) / (now_s - from_s);
}

static uint64_t chain_ticks(void)
{
    uint64_t x = 1;
    uint64_t step = 1; // in a register, because some processors add several constants per cycle
    uint64_t from = tsc_now();
    // A second thread on the core hardly slows the chain, because the chain uses only one adder.
    for (unsigned i = 0; i < CHAIN / 10; i++)
        __asm__ volatile("add %1, %0\n\tadd %1, %0\n\tadd %1, %0\n\tadd %1, %0\n\tadd %1, %0\n\t"
                         "add %1, %0\n\tadd %1, %0\n\tadd %1, %0\n\tadd %1, %0\n\tadd %1, %0"
                         : "+r"(x)
                         : "r"(step));
    return tsc_now() - from;
}

void machine_clocks(double *tsc_hz, double *core_per_tsc)
{
    *tsc_hz = measure_tsc_hz();
    uint64_t best = UINT64_MAX;
    for (unsigned i = 0; i < CHAIN_SAMPLES; i++) {
        uint64_t ticks = chain_ticks();
        if (ticks < best)
            best = ticks;
    }
    *core_per_tsc = CHAIN / (double)best;
}

// The name of the processor.
static void brand(char name[49])
{
    uint32_t *at = (uint32_t *)name;
    memset(name, 0, 49);
    for (uint32_t i = 0; i < 3; i++)
        __get_cpuid(0x80000002 + i, at + 4 * i, at + 4 * i + 1, at + 4 * i + 2, at + 4 * i + 3);
}

static void family_and_model(unsigned *family, unsigned *model)
{
    uint32_t a = 0, b, c, d;
    __get_cpuid(1, &a, &b, &c, &d);
    *family = (a >> 8 & 15) + ((a >> 8 & 15) == 15 ? a >> 20 & 255 : 0);
    *model = (a >> 4 & 15) | (a >> 12 & 0xf0);
}

json_t *machine_json(double tsc_hz, double core_per_tsc)
{
    _Alignas(uint32_t) char name[49];
    unsigned family = 0, model = 0;
    struct utsname os = {0};
    brand(name);
    family_and_model(&family, &model);
    uname(&os);
    return json_pack("{s:s, s:i, s:i, s:i, s:s, s:s, s:f, s:f, s:f, s:b, s:b, s:b}", "cpu",
                     name + strspn(name, " "), "cpu_family", family, "cpu_model", model, "cpus",
                     (int)sysconf(_SC_NPROCESSORS_ONLN), "kernel", os.release, "compiler",
                     __VERSION__, "tsc_hz", tsc_hz, "core_hz", tsc_hz * core_per_tsc,
                     "core_per_tsc", core_per_tsc, "aesni", cpu_has_aesni(), "vaes256",
                     cpu_has_vaes256(), "vaes512", cpu_has_vaes512());
}
