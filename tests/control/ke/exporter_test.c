// The exporter of RFC 8446, section 7.5, computed by hand from the exporter_master_secret: once for
// the checklist's reference values, once for the keys of a real handshake (EXP-1, EXP-2).
#include "control/ke/tls.h"

#include "base/bytes.h"
#include "crypto/cookie.h"
#include "tests/control/ke/ke_client.h"
#include "tests/control/ke/ke_server.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { HASH_MAX = 64 };

// HKDF-Expand-Label of RFC 8446, section 7.1.
static void expand_label(const EVP_MD *md, const uint8_t *secret, const char *label,
                         const uint8_t *context, size_t context_len, uint8_t *out, size_t len)
{
    uint8_t info[256];
    size_t label_len = strlen(label);
    size_t n = 0;
    be16_put(info, (uint16_t)len);
    info[2] = (uint8_t)(6 + label_len);
    n = 3;
    memcpy(info + n, "tls13 ", 6);
    memcpy(info + n + 6, label, label_len);
    n += 6 + label_len;
    info[n++] = (uint8_t)context_len;
    memcpy(info + n, context, context_len);
    n += context_len;
    // HKDF-Expand: T(i) = HMAC(secret, T(i-1) | info | i)
    uint8_t block[HASH_MAX + sizeof info + 1];
    uint8_t made[HASH_MAX];
    unsigned hash_len = (unsigned)EVP_MD_get_size(md);
    for (size_t at = 0, i = 1; at < len; at += hash_len, i++) {
        size_t before = i == 1 ? 0 : hash_len;
        memcpy(block, made, before);
        memcpy(block + before, info, n);
        block[before + n] = (uint8_t)i;
        HMAC(md, secret, (int)hash_len, block, before + n + 1, made, NULL);
        memcpy(out + at, made, len - at < hash_len ? len - at : hash_len);
    }
}

static void exporter(const EVP_MD *md, const uint8_t *master, const uint8_t context[5],
                     uint8_t *out, size_t len)
{
    uint8_t empty[HASH_MAX], hashed[HASH_MAX], derived[HASH_MAX];
    unsigned hash_len;
    EVP_Digest("", 0, empty, &hash_len, md, NULL);
    EVP_Digest(context, 5, hashed, &hash_len, md, NULL);
    expand_label(md, master, "EXPORTER-network-time-security", empty, hash_len, derived, hash_len);
    expand_label(md, derived, "exporter", hashed, hash_len, out, len);
}

static void reference(void **state) // EXP-1
{
    (void)state;
    static const struct {
        uint8_t context[5];
        size_t len;
        const char *hex;
    } rows[] = {
        {{0, 0, 0, 15, 0}, 32, "7ace59b64c903eae1cfc53ba4c438af62e5857ce9443b8c5a4f2bedec4be8c7d"},
        {{0, 0, 0, 15, 1}, 32, "e887fc4be1493ac9c7b64771d260007b2fd53b5b47eda991cf4073f9fa363ca5"},
        {{0, 0, 0, 30, 0}, 16, "3081916323676ebf2f7d0f1dd7c4dd11"},
        {{0, 0, 0, 30, 1}, 16, "50fafa49ad2f35af1b51785f9b183001"},
        {{0, 0, 0, 15, 0}, 16, "63bb83659bfa8f478436c3b4900d4a6b"},
    };
    uint8_t master[32];
    for (uint8_t i = 0; i < 32; i++)
        master[i] = i;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t got[32];
        char hex[65];
        exporter(EVP_sha256(), master, rows[i].context, got, rows[i].len);
        for (size_t j = 0; j < rows[i].len; j++)
            sprintf(hex + 2 * j, "%02x", got[j]);
        assert_string_equal(hex, rows[i].hex);
    }
}

// The keys in the cookies of a real exchange are those that the hand computes from the secret that
// the client's TLS logs.
static void check_exchange(struct ke_server *server, const char *suite, const EVP_MD *md)
{
    struct ke_client client;
    uint8_t got[4096];
    size_t len, first;
    assert_true(
        ke_client_open(&client, &server->address, &(struct ke_client_options){.suites = suite}));
    ke_client_send(&client, "\x80\x01\x00\x02\x00\x00\x80\x04\x00\x02\x00\x0f\x80\x00\x00\x00", 16);
    assert_int_equal(ke_client_receive(&client, got, sizeof got, &len, &first), ENDED_BY_FIN);
    assert_int_equal(len, 848);
    assert_int_equal(client.exporter_len, EVP_MD_get_size(md));

    uint8_t keys[COOKIE_KEYS_LEN], expected[COOKIE_KEYS_LEN];
    assert_true(cookie_open(&server->key, got + 16, keys, COOKIE_KEYS_LEN));
    for (uint8_t direction = 0; direction < 2; direction++) {
        const uint8_t context[5] = {0, 0, 0, 15, direction};
        exporter(md, client.exporter, context, expected + 32 * direction, 32);
    }
    assert_memory_equal(keys, expected, sizeof keys);
    // Norn's bug of faults section 2: keys that travel unsealed.
    for (size_t i = 0; i + 16 <= len; i++)
        assert_memory_not_equal(got + i, keys, 16);
    ke_client_close(&client);
}

static void handshakes(void **state) // EXP-1, EXP-2
{
    (void)state;
    struct ke_server server;
    ke_server_open(&server, &(struct ke_server_options){0});
    check_exchange(&server, "TLS_AES_128_GCM_SHA256", EVP_sha256());
    check_exchange(&server, "TLS_AES_256_GCM_SHA384", EVP_sha384());
    ke_server_close(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference),
        cmocka_unit_test(handshakes),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
