// Published vectors, read from a folder beside the checkout: Wycheproof's for AES-SIV and CMAC, and
// packets sealed by an independent reference of NTS. The folder is $NOONMARK_VECTORS or else the
// argument; without it the test is skipped, since a clone alone does not hold them.
#include "base/bytes.h"
#include "crypto/cookie.h"
#include "crypto/exchange.h"
#include "crypto/siv_core.h"
#include "tests/crypto/support.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *folder;

enum { OCTETS_MAX = 2048 };

struct octets {
    uint8_t at[OCTETS_MAX];
    size_t len;
};

static json_t *load(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    return root;
}

static struct octets octets(const json_t *object, const char *name)
{
    struct octets o;
    const char *hex = json_string_value(json_object_get(object, name));
    assert_non_null(hex);
    assert_true(strlen(hex) <= 2 * (sizeof o.at - 16));
    o.len = from_hex(o.at, hex);
    return o;
}

static struct bytes_span part(const struct octets *o)
{
    return (struct bytes_span){o->at, o->len};
}

static bool is_valid(const json_t *test)
{
    return strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;
}

static void check_siv(const struct aes *aes, const json_t *test)
{
    struct octets key = octets(test, "key"), nonce = octets(test, "iv"), ad = octets(test, "aad");
    struct octets plain = octets(test, "msg"), text = octets(test, "ct"), tag = octets(test, "tag");
    uint8_t sealed[OCTETS_MAX + 16], back[OCTETS_MAX];
    memcpy(sealed, tag.at, 16);
    memcpy(sealed + 16, text.at, text.len);
    bool opened = siv_open_over(aes, key.at, part(&ad), part(&nonce), sealed, 16 + text.len, back);
    assert_int_equal(opened, is_valid(test));
    if (!opened)
        return;
    assert_int_equal(plain.len, text.len);
    assert_memory_equal(back, plain.at, plain.len);
    uint8_t out[OCTETS_MAX + 16];
    siv_seal_over(aes, key.at, part(&ad), part(&nonce), plain.at, plain.len, out);
    assert_memory_equal(out, sealed, 16 + text.len);
}

// SIV-2, SIV-4, SIV-5: all with keys of 256 bits, ModifiedTag and EdgeCaseSiv among them.
static void wycheproof_siv(void **state)
{
    (void)state;
    json_t *root = load("aead_aes_siv_cmac_test.json");
    size_t g, t;
    json_t *group, *test;
    unsigned checked = 0;
    json_array_foreach(json_object_get(root, "testGroups"), g, group)
    {
        if (json_integer_value(json_object_get(group, "keySize")) != 256)
            continue;
        json_array_foreach(json_object_get(group, "tests"), t, test)
        {
            for (unsigned i = 0; aes_all[i] != NULL; i++)
                if (aes_all[i]->usable())
                    check_siv(aes_all[i], test);
            checked++;
        }
    }
    assert_int_equal(checked, 300);
    json_decref(root);
}

static void wycheproof_cmac(void **state)
{
    (void)state;
    json_t *root = load("aes_cmac_test.json");
    size_t g, t;
    json_t *group, *test;
    unsigned checked = 0;
    json_array_foreach(json_object_get(root, "testGroups"), g, group)
    {
        if (json_integer_value(json_object_get(group, "keySize")) != 128)
            continue;
        json_array_foreach(json_object_get(group, "tests"), t, test)
        {
            struct octets key = octets(test, "key");
            struct octets text = octets(test, "msg");
            struct octets tag = octets(test, "tag");
            memset(key.at + 16, 0, 16);
            for (unsigned i = 0; aes_all[i] != NULL; i++) {
                if (!aes_all[i]->usable())
                    continue;
                struct cookie_key core;
                uint8_t mac[16];
                siv_core_start(aes_all[i], &core, key.at);
                siv_core_cmac(aes_all[i], &core, part(&text), mac);
                assert_int_equal(memcmp(mac, tag.at, 16) == 0, is_valid(test));
            }
            checked++;
        }
    }
    assert_int_equal(checked, 102);
    json_decref(root);
}

// CK-1: the reference's two cookies.
static void nts_cookies(void **state)
{
    (void)state;
    json_t *root = load("nts-vectors.json");
    struct octets master = octets(root, "master_key"), id = octets(root, "key_id");
    struct octets c2s = octets(root, "c2s"), s2c = octets(root, "s2c");
    uint8_t keys[64], back[64], cookie[COOKIE_LEN];
    memcpy(keys, c2s.at, 32);
    memcpy(keys + 32, s2c.at, 32);
    struct cookie_key key;
    cookie_key_expand_own(&key, be32_get(id.at), master.at);
    static const char *const names[] = {"cookie0", "cookie1"};
    for (unsigned i = 0; i < 2; i++) {
        struct octets want = octets(root, names[i]);
        assert_int_equal(want.len, COOKIE_LEN);
        cookie_seal(&key, want.at + 4, keys, COOKIE_KEYS_LEN, cookie);
        assert_memory_equal(cookie, want.at, COOKIE_LEN);
        assert_true(cookie_open(&key, want.at, back, COOKIE_KEYS_LEN));
        assert_memory_equal(back, keys, 64);
    }
    json_decref(root);
}

// The reference's request and its answer, through every kernel: bit for bit. The same request with
// a wrong tag is refused.
static void nts_exchange(void **state)
{
    (void)state;
    enum { AD = 184 + 4, REPLY_AD = 84, HEADS = 8 };
    json_t *root = load("nts-vectors.json");
    json_t *packets = json_object_get(root, "vectors");
    struct octets master = octets(root, "master_key"), id = octets(root, "key_id");
    struct octets request = octets(json_object_get(packets, "req_1cookie"), "hex");
    struct octets bad = octets(json_object_get(packets, "req_badtag"), "hex");
    struct octets want = octets(json_object_get(packets, "resp_1cookie"), "hex");
    struct octets cookie1 = octets(root, "cookie1");
    struct cookie_key key;
    cookie_key_expand_own(&key, be32_get(id.at), master.at);
    for (unsigned v = 0; exchange_variants[AEAD_SIV_CMAC_256][v] != NULL; v++) {
        if (!exchange_variants[AEAD_SIV_CMAC_256][v]->usable())
            continue;
        // All of the answer but its last field's body is given.
        struct octets got = want;
        memset(got.at + REPLY_AD + HEADS, 0, got.len - REPLY_AD - HEADS);
        uint8_t other[OCTETS_MAX];
        uint8_t random[32];
        memcpy(random, want.at + REPLY_AD + HEADS, 16);
        memcpy(random + 16, cookie1.at + 4, 16);
        struct exchange x = {
            .lead = {0x02, 0x04, 0x00, 0x68},
            .seal_key = &key,
            .open_key = {&key, &key},
            .cookie = {request.at + 88, bad.at + 88},
            .request = {request.at, bad.at},
            .request_seal = {request.at + AD + HEADS, bad.at + AD + HEADS},
            .reply = {got.at, got.at},
            .reply_seal = {got.at + REPLY_AD + HEADS, other},
            .random = {random, random},
            .shape = {{AD, REPLY_AD, 1}, {AD, REPLY_AD, 1}},
        };
        assert_int_equal(exchange_variants[AEAD_SIV_CMAC_256][v]->run(&x, 3), 1);
        assert_memory_equal(got.at, want.at, want.len);
    }
    json_decref(root);
}

int main(int argc, char **argv)
{
    folder = getenv("NOONMARK_VECTORS");
    if (folder == NULL && argc == 2)
        folder = argv[1];
    if (folder == NULL || access(folder, R_OK) != 0) {
        printf(
            "1..0 # SKIP no vectors beside this checkout (NOONMARK_VECTORS names their folder)\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wycheproof_siv),
        cmocka_unit_test(wycheproof_cmac),
        cmocka_unit_test(nts_cookies),
        cmocka_unit_test(nts_exchange),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
