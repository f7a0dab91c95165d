// Memory that OpenSSL frees is wiped. It stays mapped for a while, so that the test sees its
// octets.
#include "control/ke/tls_memory.h"

#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { LEN = 100 };

static const uint8_t *watched;

static bool clean(void)
{
    for (size_t i = 0; i < LEN; i++)
        if (watched[i] != 0)
            return false;
    return true;
}

static uint8_t *secret(void)
{
    uint8_t *at = OPENSSL_malloc(LEN);
    assert_non_null(at);
    memset(at, 0xa5, LEN);
    watched = at;
    return at;
}

static void given_back_is_wiped(void **state)
{
    (void)state;
    OPENSSL_free(secret());
    assert_true(clean());
    OPENSSL_free(NULL);
}

static void moved_is_wiped(void **state)
{
    (void)state;
    uint8_t *at = OPENSSL_realloc(secret(), 100 * LEN);
    assert_true(clean());
    for (size_t i = 0; i < LEN; i++)
        assert_int_equal(at[i], 0xa5);
    OPENSSL_free(at);
    assert_null(OPENSSL_realloc(secret(), 0));
    assert_true(clean());
    at = OPENSSL_realloc(NULL, LEN);
    assert_non_null(at);
    assert_ptr_equal(OPENSSL_realloc(at, LEN / 2), at);
    OPENSSL_free(at);
    assert_null(OPENSSL_malloc(0));
}

int main(void)
{
    if (!tls_memory_take())
        return 1;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_back_is_wiped),
        cmocka_unit_test(moved_is_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
