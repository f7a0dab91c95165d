// NTS packets that other implementations sealed, through a whole core: the project's own
// (vectors.json, made over another AES-SIV library) and, where they are at hand, the reference's
// nts-vectors.json.
#include "tests/dataplane/rig.h"

#include "dataplane/wire/fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SILENCE = 0, NAK = -1 };

struct expected {
    const char *name;
    int cookies; // in the answer, or one of the above
};

static const struct expected own[] = {
    {"usual", 1},
    {"seven_placeholders", 8},            // RSP-3
    {"ten_placeholders", 8},              // RSP-3
    {"cookie_first", 3},                  // NTS-10, NTS-9, EF-4
    {"sealed_placeholders_odd_nonce", 4}, // NTS-5, NTS-7
    {"sealed_unaligned", SILENCE},        // NTS-7
    {"nonce_1", 1},                       // NTS-5
    {"nonce_1_short_padding", SILENCE},   // NTS-4
    {"more_padding", 1},                  // NTS-4
    {"nested_authenticator", SILENCE},    // NTS-7
    {"wrong_direction", NAK},             // NTS-2
    {"cookie_bit", NAK},                  // NAK-1
    {"short_cookie", NAK},                // NTS-12
    {"short_identifier", SILENCE},        // NTS-11
    {"two_cookies", SILENCE},
    {"trailing", 1}, // NTS-8
};

static const struct expected reference[] = {
    {"req_1cookie", 1},
    {"req_7placeholders", 8},           // RSP-3
    {"req_2placeholders_encrypted", 3}, // NTS-7
    {"req_nonce5_pad", 1},              // NTS-4
    {"req_nonce5_nopad", SILENCE},      // NTS-4
    {"req_nonce24", 1},                 // NTS-5
    {"req_trailing_ef", 1},             // NTS-8
    {"req_badtag", NAK},                // NAK-1
    {"req_unknown_keyid", NAK},         // NAK-1
};

static const char *own_path, *reference_path;

// The whole file, or NULL.
static char *read_text(const char *path)
{
    FILE *file = path != NULL ? fopen(path, "r") : NULL;
    if (file == NULL)
        return NULL;
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

// The octets of  "member": "hex digits"  behind  "name"; enough JSON for these two files.
static struct packet octets_of(const char *text, const char *name, const char *member)
{
    char quoted[128];
    if (name != NULL) {
        snprintf(quoted, sizeof quoted, "\"%s\": {", name);
        text = strstr(text, quoted);
        assert_non_null(text);
    }
    snprintf(quoted, sizeof quoted, "\"%s\": \"", member);
    text = strstr(text, quoted);
    assert_non_null(text);
    return packet_from_hex(text + strlen(quoted));
}

static struct keyring_record ring_of(const char *text)
{
    struct packet id = octets_of(text, NULL, "key_id");
    struct packet key = octets_of(text, NULL, "master_key");
    struct keyring_record ring = client_ring(2, 1);
    ring.entry[1].id =
        (uint32_t)id.at[0] << 24 | (uint32_t)id.at[1] << 16 | (uint32_t)id.at[2] << 8 | id.at[3];
    memcpy(ring.entry[1].secret, key.at, 32);
    return ring;
}

static struct client client_of(const char *text, const struct packet *request)
{
    struct client client = {.cookie_len = 100};
    struct packet c2s = octets_of(text, NULL, "c2s"), s2c = octets_of(text, NULL, "s2c");
    memcpy(client.c2s, c2s.at, 32);
    memcpy(client.s2c, s2c.at, 32);
    struct fields fields;
    fields_walk(request->at, request->len, &fields);
    client.uid_len = fields.uid.len;
    memcpy(client.uid, request->at + fields.uid.at + 4, client.uid_len);
    return client;
}

static void ask_all(const char *text, const struct expected *expected, size_t n)
{
    struct rig *rig = rig_open("auto", NULL);
    rig->ring = ring_of(text);
    rig_publish_keys(rig);
    for (size_t i = 0; i < n; i++) {
        struct packet request = octets_of(text, expected[i].name, "hex");
        struct client client = client_of(text, &request);
        uint8_t reply[PACKET_MAX], cookies[8][100];
        uint32_t len = rig_ask(rig, &request, reply);
        int got = len == 0 ? SILENCE
                  : client_is_nak(&client, &request, reply, len)
                      ? NAK
                      : client_open(&client, &request, reply, len, cookies);
        if (got != expected[i].cookies || (got == NAK && reply[1] != 0))
            fail_msg("%s: %d", expected[i].name, got);
    }
    rig_close(rig);
}

// RSP-2: with the same random octets every variant of the kernel seals the reference's reply.
static void seal_reply(const char *text, const char *request_name)
{
    struct keyring_record ring = ring_of(text);
    struct packet request = octets_of(text, request_name, "hex");
    struct packet wanted = octets_of(text, "resp_1cookie", "hex");
    struct client client = client_of(text, &request);
    struct fields fields;
    fields_walk(request.at, request.len, &fields);
    uint32_t clear = 48 + 4 + client.uid_len;
    uint8_t cookies[8][100];
    assert_int_equal(client_open(&client, &request, wanted.at, wanted.len, cookies), 1);

    struct cookie_key key;
    cookie_key_expand_own(&key, ring.entry[1].id, ring.entry[1].secret);
    uint8_t random[32];
    memcpy(random, wanted.at + clear + 8, 16); // the reply's nonce
    memcpy(random + 16, cookies[0] + 4, 16);   // the cookie's
    for (const struct exchange_variant *const *v = exchange_variants[AEAD_SIV_CMAC_256]; *v != NULL;
         v++) {
        if (!(*v)->usable())
            continue;
        struct packet reply = wanted;
        memset(reply.at + clear + 8, 0xa5, reply.len - clear - 8);
        struct exchange x = {.lead = {2, 4, 0, 104}, .seal_key = &key};
        x.open_key[9] = &key;
        x.cookie[9] = request.at + fields.cookie.at + 4;
        x.request[9] = request.at;
        x.shape[9] = (struct exchange_shape){fields.authenticator.at, (uint16_t)clear, 1};
        x.request_seal[9] = request.at + fields.authenticator.at + 8;
        x.reply[9] = reply.at;
        x.reply_seal[9] = reply.at + clear + 8;
        x.random[9] = random;
        assert_true((*v)->run(&x, lane_bit(9)) == lane_bit(9));
        assert_memory_equal(reply.at, wanted.at, wanted.len);
    }
}

static void own_vectors_hold(void **state)
{
    (void)state;
    char *text = read_text(own_path);
    assert_non_null(text);
    ask_all(text, own, sizeof own / sizeof *own);
    seal_reply(text, "usual");
    free(text);
}

static void reference_vectors_hold(void **state)
{
    (void)state;
    char *text = read_text(reference_path);
    if (text == NULL) {
        print_message("# nts-vectors.json is not at hand: it does not come with a clone\n");
        skip();
    }
    ask_all(text, reference, sizeof reference / sizeof *reference);
    seal_reply(text, "req_1cookie");
    free(text);
}

int main(int argc, char **argv)
{
    if (rig_skips())
        return 0;
    own_path = argc > 1 ? argv[1] : NULL;
    reference_path = argc > 2 ? argv[2] : NULL;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_vectors_hold),
        cmocka_unit_test(reference_vectors_hold),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
