// The check of the lengths in a ClientHello (F17: memory per connection).
#include "control/ke/client_hello.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// A record of type with a body.
static size_t put(uint8_t *at, uint8_t type, const uint8_t *body, uint16_t len)
{
    at[0] = type;
    at[1] = 3;
    at[2] = 3;
    at[3] = (uint8_t)(len >> 8);
    at[4] = (uint8_t)len;
    memcpy(at + 5, body, len);
    return 5u + len;
}

static const uint8_t small_hello[] = {1, 0, 0, 6, 'h', 'e', 'l', 'l', 'o', '!'};

// A handshake header that claims n octets.
static void claim(uint8_t header[4], uint32_t n)
{
    header[0] = 1;
    header[1] = (uint8_t)(n >> 16);
    header[2] = (uint8_t)(n >> 8);
    header[3] = (uint8_t)n;
}

static void limit(void **state)
{
    (void)state;
    uint8_t header[4];
    uint8_t stream[16];
    claim(header, CLIENT_HELLO_MAX);
    size_t n = put(stream, 22, header, 4);
    assert_true(client_hello_watch(&(struct client_hello){0}, stream, n));
    claim(header, CLIENT_HELLO_MAX + 1);
    put(stream, 22, header, 4);
    assert_false(client_hello_watch(&(struct client_hello){0}, stream, n));
    // Not seen before the last octet of the claim.
    assert_true(client_hello_watch(&(struct client_hello){0}, stream, n - 1));
}

// However the stream is cut, and however the records cut the message.
static void every_cut(void **state)
{
    (void)state;
    uint8_t header[4];
    claim(header, 0xffffff);
    uint8_t stream[128];
    size_t n = 0;
    for (unsigned i = 0; i < sizeof small_hello; i++) // one octet a record
        n += put(stream + n, 22, &small_hello[i], 1);
    n += put(stream + n, 22, small_hello, 0);
    n += put(stream + n, 20, (const uint8_t *)"\1", 1); // change cipher spec
    for (unsigned i = 0; i < sizeof header; i++)
        n += put(stream + n, 22, &header[i], 1);
    for (size_t cut = 0; cut <= n; cut++) {
        struct client_hello hello = {0};
        bool first = client_hello_watch(&hello, stream, cut);
        assert_int_equal(first, cut < n);
        if (first)
            assert_false(client_hello_watch(&hello, stream + cut, n - cut));
    }
}

// A second hello after HelloRetryRequest is watched too; encrypted records are not.
static void until_encrypted(void **state)
{
    (void)state;
    uint8_t header[4];
    claim(header, 0xffffff);
    uint8_t stream[64];
    struct client_hello hello = {0};
    assert_true(client_hello_watch(&hello, stream, put(stream, 22, small_hello, 10)));
    assert_true(client_hello_watch(&hello, stream, put(stream, 20, small_hello, 1)));
    struct client_hello second = hello;
    assert_false(client_hello_watch(&second, stream, put(stream, 22, header, 4)));
    assert_true(client_hello_watch(&hello, stream, put(stream, 23, small_hello, 10)));
    assert_true(hello.encrypted);
    assert_true(client_hello_watch(&hello, stream, put(stream, 22, header, 4)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limit),
        cmocka_unit_test(every_cut),
        cmocka_unit_test(until_encrypted),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
