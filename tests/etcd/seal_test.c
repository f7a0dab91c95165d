// A sealed value opens under its secret and its name, and after no change at all.
#include "etcd/base64.h"
#include "etcd/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LEN = 100 };

static const uint8_t secret[SEAL_KEY_LEN] = "an octet is as good as another";
static uint8_t text[LEN], sealed[LEN + SEAL_OVERHEAD], opened[LEN + SEAL_OVERHEAD];

static void seal(void)
{
    for (int i = 0; i < LEN; i++)
        text[i] = (uint8_t)(3 * i);
    assert_true(seal_close(secret, "/noonmark/fleet", text, LEN, sealed));
}

static bool opens(size_t len)
{
    return seal_open(secret, "/noonmark/fleet", sealed, len, opened);
}

static void what_was_sealed_opens(void **state)
{
    (void)state;
    seal();
    assert_true(opens(sizeof sealed));
    assert_memory_equal(opened, text, LEN);
    assert_null(memmem(sealed, sizeof sealed, text, 8));
    uint8_t empty[SEAL_OVERHEAD];
    assert_true(seal_close(secret, "", text, 0, empty));
    assert_true(seal_open(secret, "", empty, sizeof empty, opened));
}

static void no_nonce_comes_twice(void **state)
{
    (void)state;
    uint8_t first[sizeof sealed];
    seal();
    memcpy(first, sealed, sizeof first);
    seal();
    assert_memory_not_equal(first + 1, sealed + 1, 12);
    assert_memory_not_equal(first + 13, sealed + 13, LEN);
}

static void no_changed_value_opens(void **state)
{
    (void)state;
    seal();
    for (size_t i = 0; i < sizeof sealed; i++)
        for (int bit = 0; bit < 8; bit++) {
            sealed[i] ^= (uint8_t)(1 << bit);
            memset(opened, 0xa5, sizeof opened);
            assert_false(opens(sizeof sealed));
            sealed[i] ^= (uint8_t)(1 << bit);
            // What did not prove genuine is not left behind.
            assert_null(memmem(opened, sizeof opened, text + 16, 8));
        }
    for (size_t len = 0; len < sizeof sealed; len++)
        assert_false(opens(len));
}

static void no_foreign_value_opens(void **state)
{
    (void)state;
    uint8_t other[SEAL_KEY_LEN];
    memcpy(other, secret, sizeof other);
    other[31] ^= 1;
    seal();
    assert_false(seal_open(other, "/noonmark/fleet", sealed, sizeof sealed, opened));
    assert_false(seal_open(secret, "/noonmark/fleet2", sealed, sizeof sealed, opened));
    assert_false(seal_open(secret, "", sealed, sizeof sealed, opened));
}

static void base64_is_exact(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    char encoded[16];
    uint8_t decoded[8];
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const size_t len = strlen(pairs[i][0]);
        base64_encode((const uint8_t *)pairs[i][0], len, encoded);
        assert_string_equal(encoded, pairs[i][1]);
        assert_int_equal(base64_decode(encoded, decoded, len), len); // room for exactly as many
        assert_memory_equal(decoded, pairs[i][0], len);
        if (len > 0)
            assert_int_equal(base64_decode(encoded, decoded, len - 1), -1);
    }
    static const char *const bad[] = {
        "Z", "Zg", "Zg=", "Zg===", "====", "Zm9v\n", " Zm9", "Zm9vZ", "Z===", "Zm=v"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(base64_decode(bad[i], decoded, sizeof decoded), -1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_opens),  cmocka_unit_test(no_nonce_comes_twice),
        cmocka_unit_test(no_changed_value_opens), cmocka_unit_test(no_foreign_value_opens),
        cmocka_unit_test(base64_is_exact),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
