// base/bytes.h.
#include "base/bytes.h"

#include "tests/crypto/support.h"

static void big_endian(void **state)
{
    (void)state;
    uint8_t at[9] = {0};
    be16_put(at + 1, 0x0123);
    assert_memory_equal(at, "\x00\x01\x23\x00\x00\x00\x00\x00\x00", 9);
    assert_int_equal(be16_get(at + 1), 0x0123);
    be32_put(at + 1, 0x89abcdef);
    assert_memory_equal(at, "\x00\x89\xab\xcd\xef\x00\x00\x00\x00", 9);
    assert_int_equal(be32_get(at + 1), 0x89abcdef);
    be64_put(at + 1, 0x0123456789abcdef);
    assert_memory_equal(at, "\x00\x01\x23\x45\x67\x89\xab\xcd\xef", 9);
    assert_true(be64_get(at + 1) == 0x0123456789abcdef);
}

// Every bit of every octet counts, and nothing behind them.
static void equal(void **state)
{
    (void)state;
    uint8_t a[33], b[33];
    for (size_t n = 0; n <= 32; n++) {
        memset(a, 0x5a, sizeof a);
        memset(b, 0x5a, sizeof b);
        b[n] = 0;
        assert_true(bytes_equal_ct(a, b, n));
        for (size_t bit = 0; bit < 8 * n; bit++) {
            b[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_false(bytes_equal_ct(a, b, n));
            b[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
}

static void wipe(void **state)
{
    (void)state;
    uint8_t at[16];
    memset(at, 0xff, sizeof at);
    bytes_wipe(at + 1, 14);
    assert_int_equal(at[0], 0xff);
    assert_int_equal(at[15], 0xff);
    for (unsigned i = 1; i < 15; i++)
        assert_int_equal(at[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(big_endian),
        cmocka_unit_test(equal),
        cmocka_unit_test(wipe),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
