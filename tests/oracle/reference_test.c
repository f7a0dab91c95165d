// The reference itself: the checklist's vectors, and that the generator meets every row of the
// decision table. Rules of the vectors stand with them.
#include "tests/client/octets.h"
#include "tests/oracle/generator.h"

#include "base/bytes.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdlib.h>

// A vector of nts-vectors.json: hex between two places in the file.
static size_t vector(const char *json, const char *name, uint8_t *out, size_t room)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\"", name);
    const char *at = strstr(json, key);
    if (at == NULL)
        return 0;
    at = strchr(at + strlen(key), ':');
    if (strchr(at, '{') != NULL && strchr(at, '{') < strchr(at, '"'))
        at = strchr(strstr(at, "\"hex\"") + 5, ':');
    at = strchr(at, '"') + 1;
    char *text = strndup(at, (size_t)(strchr(at, '"') - at));
    int n = octets_from_hex(text, out, room);
    free(text);
    return n < 0 ? 0 : (size_t)n;
}

static char *vectors_read(void)
{
    const char *path = getenv("NTS_VECTORS");
    FILE *in = path != NULL ? fopen(path, "re") : NULL;
    if (in == NULL)
        return NULL;
    static char text[65536];
    size_t n = fread(text, 1, sizeof text - 1, in);
    text[n] = '\0';
    fclose(in);
    return text;
}

// NTS-1, NTS-3 to NTS-8, NTS-12, NAK-1 by an independent reference's packets.
static void agrees_with_the_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum row row;
        unsigned n_cookies;
    } want[] = {
        {"req_1cookie", ROW_PROVEN, 1},
        {"req_7placeholders", ROW_PROVEN, 8},
        {"req_2placeholders_encrypted", ROW_PROVEN_SEALED, 3},
        {"req_nonce5_pad", ROW_PROVEN_NONCE, 1},
        {"req_nonce5_nopad", ROW_PADDING, 0},
        {"req_nonce24", ROW_PROVEN_NONCE, 1},
        {"req_trailing_ef", ROW_PROVEN_TRAILING, 1},
        {"req_badtag", ROW_SEAL_FORGED, 0},
        {"req_unknown_keyid", ROW_KEY_UNKNOWN, 0},
    };
    const char *json = vectors_read();
    if (json == NULL)
        return; // its name says so
    struct reference_ring ring = {.n = 1};
    uint8_t id[4];
    assert_int_equal(vector(json, "key_id", id, 4), 4);
    ring.key[0].id = be32_get(id);
    assert_int_equal(vector(json, "master_key", ring.key[0].secret, 32), 32);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        uint8_t packet[PACKET_MAX];
        size_t len = vector(json, want[i].name, packet, sizeof packet);
        struct verdict v;
        assert_true(len > 0);
        reference_decide(&ring, packet, len, 40000, &v);
        assert_int_equal(v.row, want[i].row);
        assert_int_equal(v.n_cookies, want[i].n_cookies);
    }
    // The vectors' reply is one that the checker accepts.
    uint8_t request[PACKET_MAX], reply[PACKET_MAX], s2c[32];
    size_t request_len = vector(json, "req_1cookie", request, sizeof request);
    size_t reply_len = vector(json, "resp_1cookie", reply, sizeof reply);
    assert_int_equal(vector(json, "s2c", s2c, 32), 32);
    static struct reply r;
    struct ask ask = {request, request_len, request + 52, 32, s2c, request + 88, 100, 1};
    reply_read(&ask, reply, reply_len, &r);
    assert_string_equal(r.why, "");
    assert_int_equal(r.kind, REPLY_AUTHENTICATED);
}

static void meets_every_row(void **state)
{
    (void)state;
    enum { SAMPLES = 20000 };
    unsigned met[ROWS] = {0};
    unsigned cookies[9] = {0};
    static struct sample s;
    struct reference_ring ring;
    struct reference_ring none = {.n = 0};
    octets_seed(1);
    generator_ring(&ring);
    for (unsigned i = 0; i < SAMPLES; i++) {
        struct verdict v;
        if (i % 100 == 0)
            generator_ring(&ring);
        generator_make(&ring, &s);
        reference_decide(i % 50 == 0 ? &none : &ring, s.at, s.len, s.source_port, &v);
        met[v.row]++;
        cookies[v.n_cookies]++;
        assert_true(v.reply_len <= s.len); // RSP-7
    }
    for (unsigned i = 0; i < ROWS; i++) {
        print_message("# %6u %s\n", met[i], row_text[i]);
        assert_true(met[i] >= SAMPLES / 1000);
    }
    for (unsigned i = 1; i <= 8; i++) {
        print_message("# %6u with %u cookies\n", cookies[i], i);
        assert_true(cookies[i] >= SAMPLES / 1000);
    }
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_vectors),
        cmocka_unit_test(meets_every_row),
    };
    if (vectors_read() == NULL) // cmocka's own skip() prints "not ok"
        tests[0].name = "agrees_with_the_vectors # SKIP NTS_VECTORS names no file";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
