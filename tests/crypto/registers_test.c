// No secret stays in a vector register.
#include "crypto/registers.h"

#include "tests/crypto/registers_held.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#ifdef __x86_64__

static uint8_t set[REGISTER_WIDEST], held[REGISTERS_MAX][REGISTER_WIDEST];

// Nothing stands between filling, wiping and reading that uses a register.
static void around_xmm(void)
{
    REGISTERS_FILL(REGISTERS_16, "movdqu", "xmm", set);
    registers_wipe();
    registers_read(held);
}

__attribute__((target("avx"))) static void around_ymm(void)
{
    REGISTERS_FILL(REGISTERS_16, "vmovdqu", "ymm", set);
    registers_wipe();
    registers_read(held);
}

__attribute__((target("avx512f"))) static void around_zmm(void)
{
    REGISTERS_FILL(REGISTERS_32, "vmovdqu64", "zmm", set);
    registers_wipe();
    registers_read(held);
}

static void nothing_stays(void (*around)(void), unsigned n, unsigned len)
{
    memset(set, 0xa5, sizeof set);
    memset(held, 0xff, sizeof held);
    around();
    static const uint8_t zero[REGISTER_WIDEST];
    for (unsigned i = 0; i < n; i++)
        assert_memory_equal(held[i], zero, len);
}

static void registers_are_empty(void **state)
{
    (void)state;
    if (SANITIZED) {
        print_message("# a sanitizer's own code runs in between and uses the registers\n");
        skip();
    }
    const unsigned len = cpu_vector_len();
    assert_true(len == 16 || len == 32 || len == 64);
    nothing_stays(around_xmm, 16, 16);
    if (len >= 32)
        nothing_stays(around_ymm, 16, 32);
    if (len >= 64)
        nothing_stays(around_zmm, 32, 64);
}

#else

static void registers_are_empty(void **state)
{
    (void)state;
    print_message("# only the registers of x86-64 are known\n");
    skip();
}

#endif

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {cmocka_unit_test(registers_are_empty)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
