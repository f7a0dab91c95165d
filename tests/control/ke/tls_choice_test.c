// Several certificates: which one a client gets, by the name that it asks for and the signatures
// that it takes (TLS-4).
#include "control/ke/tls.h"

#include "base/log.h"
#include "tests/control/ke/make_pair.h"
#include "tests/control/ke/replace_pairs.h"

#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define ECDSA "ecdsa_secp256r1_sha256"
#define RSA_PSS "rsa_pss_rsae_sha256"
#define ALL ECDSA ":ed25519:" RSA_PSS

static struct authority authority;
static char got[64]; // the subject of the certificate that a client got

// The client's context, as far as this test needs one.
static SSL *client_of(SSL_CTX *context, int fd, const char *name, const char *signatures)
{
    SSL *client = SSL_new(context);
    assert_true(SSL_set1_sigalgs_list(client, signatures));
    if (name != NULL)
        assert_true(SSL_set_tlsext_host_name(client, name));
    assert_true(SSL_set_fd(client, fd));
    SSL_set_connect_state(client);
    return client;
}

// The subject of what a client gets that asks for name (NULL: no name) and takes these signatures;
// "": none.
static const char *served(struct tls *tls, const char *name, const char *signatures)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\x07ntske/1", 8);
    struct tls_wire wire = {.fd = ends[0]};
    SSL *server = tls_session(tls, &wire);
    SSL *client = client_of(context, ends[1], name, signatures);
    int done = 0;
    for (int i = 0; i < 10 && done != 1; i++) {
        done = SSL_do_handshake(client);
        wire.empty = false;
        SSL_do_handshake(server);
    }
    got[0] = '\0';
    X509 *certificate = done == 1 ? SSL_get1_peer_certificate(client) : NULL;
    if (certificate != NULL)
        tls_chain_subject(certificate, got, sizeof got);
    X509_free(certificate);
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(context);
    close(ends[0]);
    close(ends[1]);
    return got;
}

struct row {
    const char *name, *signatures, *subject;
};

static void expect(struct tls *tls, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(served(tls, rows[i].name, rows[i].signatures), rows[i].subject) != 0)
            fail_msg("%s with %s: got \"%s\", not \"%s\"", rows[i].name ? rows[i].name : "no name",
                     rows[i].signatures, got, rows[i].subject);
}

enum { PAIRS_MAX = 8 };

static struct tls *open_with(struct tls_pair *pairs, size_t n)
{
    struct tls *tls = NULL;
    assert_int_equal(tls_open(pairs, n, NULL, &tls), 0);
    return tls;
}

static void close_with(struct tls *tls, struct tls_pair *pairs, size_t n)
{
    tls_close(tls);
    for (size_t i = 0; i < n; i++)
        pair_close(&pairs[i]);
}

static struct tls_pair pair_for(enum made_key kind, const char *alt_names, const char *subject)
{
    return pair_make_for(&authority, kind, alt_names, subject);
}

// The cheapest for the server first, whatever the order of the configuration and of the client.
static void by_signatures(void **state)
{
    (void)state;
    struct tls_pair pairs[] = {pair_for(MADE_RSA, "DNS:a.test", "rsa"),
                               pair_for(MADE_ED25519, "DNS:a.test", "ed25519"),
                               pair_for(MADE_P256, "DNS:a.test", "ecdsa")};
    struct tls *tls = open_with(pairs, 3);
    static const struct row rows[] = {
        {"a.test", ALL, "ecdsa"},
        {NULL, ALL, "ecdsa"},
        {"other.test", ALL, "ecdsa"},
        {"a.test", RSA_PSS ":ed25519:" ECDSA, "ecdsa"},
        {"a.test", RSA_PSS ":ed25519", "ed25519"},
        {"a.test", RSA_PSS, "rsa"},
        {"a.test", "ed25519", "ed25519"},
        {"a.test", ECDSA, "ecdsa"},
        {"a.test", "ecdsa_secp521r1_sha512", ""},
    };
    expect(tls, rows, sizeof rows / sizeof rows[0]);
    close_with(tls, pairs, 3);
}

static void by_names(void **state)
{
    (void)state;
    struct tls_pair pairs[] = {
        pair_for(MADE_P256, "DNS:a.test,IP:127.0.0.1", "a"),
        pair_for(MADE_P256, "DNS:b.test,DNS:*.b.test", "b"),
        pair_for(MADE_RSA, "DNS:*.b.test,DNS:b.test", "b rsa"), // the same, in another order
        pair_for(MADE_RSA, "DNS:c.test", "c"),
    };
    struct tls *tls = open_with(pairs, 4);
    static const struct row rows[] = {
        {"a.test", ALL, "a"},
        {"b.test", ALL, "b"},
        {"B.TEST", ALL, "b"},
        {"x.b.test", ALL, "b"},
        {"x.b.test", RSA_PSS, "b rsa"},
        {"c.test", ALL, "c"},
        // The first pair's, which a client will refuse if it wanted another.
        {"x.y.b.test", ALL, "a"},
        {"other.test", ALL, "a"},
        {NULL, ALL, "a"},
        // Another name's certificate would not help either.
        {"a.test", RSA_PSS, ""},
        {"c.test", ECDSA, ""},
    };
    expect(tls, rows, sizeof rows / sizeof rows[0]);
    close_with(tls, pairs, 4);
}

// A pair may hold for some of the names of another one.
static void by_names_that_overlap(void **state)
{
    (void)state;
    for (int turned = 0; turned < 2; turned++) {
        struct tls_pair pairs[] = {
            pair_for(MADE_RSA, "DNS:a.n.test,DNS:b.n.test", "both"),
            pair_for(MADE_P256, "DNS:a.n.test", "a"),
            pair_for(MADE_ED25519, "DNS:*.n.test", "all"),
        };
        if (turned) {
            const struct tls_pair first = pairs[0];
            pairs[0] = pairs[2];
            pairs[2] = first;
        }
        struct tls *tls = open_with(pairs, 3);
        static const struct row rows[] = {
            {"a.n.test", ALL, "a"},         {"a.n.test", RSA_PSS, "both"},
            {"a.n.test", "ed25519", "all"}, {"b.n.test", ALL, "all"},
            {"b.n.test", RSA_PSS, "both"},  {"c.n.test", ALL, "all"},
            {"b.n.test", "ed25519", "all"},
        };
        expect(tls, rows, sizeof rows / sizeof rows[0]);
        close_with(tls, pairs, 3);
    }
}

// Certificates of addresses, and of old form: without alternative names they go by their subject.
static void without_names(void **state)
{
    (void)state;
    struct tls_pair pairs[] = {
        pair_for(MADE_P256, "IP:127.0.0.1", "v4"),
        pair_for(MADE_RSA, "IP:127.0.0.1", "v4 rsa"),
        pair_for(MADE_RSA, "IP:::1", "v6"),
        pair_for(MADE_P256, "email:root@a.test", "a.test"),
    };
    struct tls *tls = open_with(pairs, 4);
    static const struct row rows[] = {
        {NULL, ALL, "v4"},
        {NULL, RSA_PSS, "v4 rsa"},
        {"a.test", ALL, "a.test"},
    };
    expect(tls, rows, sizeof rows / sizeof rows[0]);
    close_with(tls, pairs, 4);
}

static void what_could_never_be_chosen_is_refused(void **state)
{
    (void)state;
    struct tls *tls = NULL;
    struct tls_pair pairs[] = {
        pair_for(MADE_P256, "DNS:a.test,DNS:b.test", "one"),
        pair_for(MADE_RSA, "DNS:a.test,DNS:b.test", "two"),
        pair_for(MADE_P384, "DNS:b.test,DNS:a.test", "three"),
    };
    assert_int_equal(tls_open(pairs, 2, NULL, &tls), 0);
    tls_close(tls);
    assert_int_not_equal(tls_open(pairs, 3, NULL, &tls), 0);
    for (int i = 0; i < 3; i++)
        pair_close(&pairs[i]);
}

// All contexts go when they are replaced; sessions keep theirs.
static void nothing_is_left_behind(void **state)
{
    (void)state;
    enum { TIMES = 10 };
    struct tls_pair pairs[PAIRS_MAX];
    for (int i = 0; i < PAIRS_MAX; i++) {
        char names[32];
        snprintf(names, sizeof names, "DNS:%c.test", 'a' + i / 2);
        pairs[i] = pair_for(i % 2 == 0 ? MADE_P256 : MADE_ED25519, names, names + 4);
    }
    struct tls *tls = open_with(pairs, PAIRS_MAX);
    size_t used = 0;
    for (int i = 0; i < 3 * TIMES; i++) {
        assert_string_equal(served(tls, "d.test", ALL), "d.test");
        assert_int_equal(replace_pairs(tls, pairs, PAIRS_MAX), 0);
        if (i == 2 * TIMES) // the library's own tables have grown by then
            used = mallinfo2().uordblks;
    }
    const size_t now = mallinfo2().uordblks;
    assert_true(now <= used || now - used < 32 * 1024);
    close_with(tls, pairs, PAIRS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_signatures),
        cmocka_unit_test(by_names),
        cmocka_unit_test(by_names_that_overlap),
        cmocka_unit_test(without_names),
        cmocka_unit_test(what_could_never_be_chosen_is_refused),
        cmocka_unit_test(nothing_is_left_behind),
    };
    authority = authority_make();
    log_set_level("error");
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = cmocka_run_group_tests_name("control/ke/tls_choice", tests, NULL, NULL);
    authority_free(&authority);
    return failed;
}
