// Pairs of certificate and key: what is refused at start, and what is served (F14, TLS-4).
#include "control/ke/tls.h"

#include "tests/control/ke/make_pair.h"
#include "tests/control/ke/replace_pairs.h"

#include <malloc.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct authority authority;

// What was logged to stderr meanwhile.
static char logged[8192];
static int real_stderr, log_file;

static void log_start(void)
{
    real_stderr = dup(STDERR_FILENO);
    log_file = text_file("", 0);
    dup2(log_file, STDERR_FILENO);
}

static void log_stop(void)
{
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    ssize_t n = pread(log_file, logged, sizeof logged - 1, 0);
    logged[n < 0 ? 0 : n] = '\0';
    close(log_file);
}

static int opened(const struct tls_pair *pairs, size_t n)
{
    struct tls *tls = NULL;
    log_start();
    int result = tls_open(pairs, n, NULL, &tls);
    log_stop();
    if (result == 0)
        tls_close(tls);
    else
        assert_null(tls);
    return result;
}

static void good(void **state)
{
    (void)state;
    for (int kind = MADE_P256; kind <= MADE_RSA; kind++) {
        struct tls_pair pair = pair_make(&authority, (enum made_key)kind, dates_good);
        assert_int_equal(opened(&pair, 1), 0);
        assert_string_equal(logged, "");
        // A restarted control reads the same descriptors again.
        assert_int_equal(opened(&pair, 1), 0);
        pair_close(&pair);
    }
}

static void one_of_each_kind(void **state)
{
    (void)state;
    struct tls_pair pairs[] = {
        pair_make(&authority, MADE_P256, dates_good),
        pair_make(&authority, MADE_RSA, dates_good),
        pair_make(&authority, MADE_P384, dates_good),
    };
    pairs[2].chain = "third.pem";
    assert_int_equal(opened(pairs, 2), 0);
    assert_int_not_equal(opened(pairs, 3), 0);
    assert_non_null(
        strstr(logged, "third.pem: an earlier pair has a key of the same type for the same names"));
    for (int i = 0; i < 3; i++)
        pair_close(&pairs[i]);
}

static void key_of_another(void **state) // F14
{
    (void)state;
    struct tls_pair a = pair_make(&authority, MADE_P256, dates_good);
    struct tls_pair b = pair_make(&authority, MADE_P256, dates_good);
    struct tls_pair r = pair_make(&authority, MADE_RSA, dates_good);
    struct tls_pair mixed = {"chain.pem", "other.pem", a.chain_fd, b.key_fd, NULL};
    assert_int_not_equal(opened(&mixed, 1), 0);
    assert_non_null(strstr(logged, "other.pem: is not the key of"));
    mixed.key_fd = r.key_fd;
    assert_int_not_equal(opened(&mixed, 1), 0);
    assert_non_null(strstr(logged, "other.pem: is not the key of"));
    pair_close(&a);
    pair_close(&b);
    pair_close(&r);
}

static void dates(void **state) // F14: loud, but served
{
    (void)state;
    static const struct {
        struct made_dates dates;
        const char *text;
    } rows[] = {
        {{-7200, -3600}, "chain.pem: HAS EXPIRED"},
        {{3600, 90 * 86400L}, "chain.pem: IS NOT YET VALID"},
        {{-3600, 10 * 86400L}, "chain.pem: expires in"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tls_pair pair = pair_make(&authority, MADE_P256, rows[i].dates);
        assert_int_equal(opened(&pair, 1), 0);
        assert_non_null(strstr(logged, rows[i].text));
        pair_close(&pair);
    }
}

// A certificate without a common name, as public authorities issue them, goes by its DNS name.
static void the_subject_is_told(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *named = certify("leaf \x1b", key, authority.root, authority.key, dates_good);
    X509 *nameless = certify("", key, authority.root, authority.key, dates_good);
    char text[16];
    tls_chain_subject(named, text, sizeof text);
    assert_string_equal(text, "leaf ?");
    tls_chain_subject(nameless, text, sizeof text);
    assert_string_equal(text, "ke.test");
    tls_chain_subject(nameless, text, 4);
    assert_string_equal(text, "ke.");
    X509_free(named);
    X509_free(nameless);
    EVP_PKEY_free(key);
}

// What the metrics show: the first certificate that expires, a root at the end apart.
static void the_first_end_is_told(void **state)
{
    (void)state;
    static const struct made_dates soon = {-3600, 86400}, ended = {-7200, -3600};
    EVP_PKEY *key = EVP_EC_gen("P-256"), *between_key = EVP_EC_gen("P-256");
    X509 *old_root = certify("root authority", authority.key, NULL, authority.key, ended);
    for (int which = 0; which < 2; which++) {
        X509 *between = certify("authority", between_key, authority.root, authority.key,
                                which == 0 ? dates_good : soon);
        X509 *leaf = certify("leaf", key, between, between_key, which == 0 ? soon : dates_good);
        X509 *chain[] = {leaf, between, old_root};
        struct tls_pair pair = pair_of(chain, 3, key);
        struct board_certificate shown = {0};
        pair.shown = &shown;
        const int64_t before = time(NULL);
        assert_int_equal(opened(&pair, 1), 0);
        assert_string_equal(shown.subject, "leaf");
        assert_string_equal(shown.key, "EC, 256 bits");
        assert_in_range(shown.expires_s, before + 86400 - 600, before + 86400);
        pair_close(&pair);
        X509_free(leaf);
        X509_free(between);
    }
    X509_free(old_root);
    EVP_PKEY_free(between_key);
    EVP_PKEY_free(key);
}

static bool taken_at_a_reload(const struct tls_pair *pair)
{
    struct tls *tls = NULL;
    struct tls_pair first = pair_make(&authority, MADE_P256, dates_good);
    assert_int_equal(tls_open(&first, 1, NULL, &tls), 0);
    log_start();
    const bool taken = replace_pairs(tls, pair, 1) == 0;
    log_stop();
    tls_close(tls);
    pair_close(&first);
    return taken;
}

// Everything behind the first certificate is looked at, too, at the start and at a reload.
static void whole_chains(void **state)
{
    (void)state;
    static const struct made_dates expired = {-7200, -3600}, soon = {-3600, 86400 + 60},
                                   early = {3600, 90 * 86400L};
    EVP_PKEY *key = EVP_EC_gen("P-256"), *between_key = EVP_EC_gen("P-256");
    X509 *root = authority.root;
    X509 *good_one = certify("authority good", between_key, root, authority.key, dates_good);
    X509 *ending = certify("authority soon", between_key, root, authority.key, soon);
    X509 *ended = certify("authority old", between_key, root, authority.key, expired);
    X509 *coming = certify("authority new", between_key, root, authority.key, early);
    X509 *no_ca = certify("someone", between_key, root, authority.key, dates_good);
    X509 *old_root = certify("root authority", authority.key, NULL, authority.key, expired);
    // The right name, but another key: its signature does not fit.
    X509 *forged = certify("authority good", authority.key, root, authority.key, dates_good);
    X509 *leaf = certify("leaf", key, good_one, between_key, dates_good);
    X509 *of_soon = certify("leaf", key, ending, between_key, dates_good);
    X509 *of_old = certify("leaf", key, ended, between_key, dates_good);
    X509 *of_new = certify("leaf", key, coming, between_key, dates_good);
    X509 *of_no_ca = certify("leaf", key, no_ca, between_key, dates_good);
    X509 *self = certify("self", key, NULL, key, dates_good);
    const struct {
        X509 *chain[3];
        int n;
        const char *text; // "": nothing is said
        bool taken;
    } rows[] = {
        {{leaf, good_one, root}, 3, "", true},
        {{leaf, good_one}, 2, "", true},
        {{leaf}, 1, "warning: chain.pem: holds one certificate without its issuer's", true},
        {{of_soon, ending},
         2,
         "warning: chain.pem: certificate 2 (authority soon): expires in 1 d",
         true},
        {{of_old, ended}, 2, ": chain.pem: certificate 2 (authority old): HAS EXPIRED", false},
        {{of_new, coming},
         2,
         ": chain.pem: certificate 2 (authority new): IS NOT YET VALID",
         false},
        {{leaf, good_one, old_root},
         3,
         "warning: chain.pem: certificate 3 (root authority): HAS",
         true},
        {{leaf, root},
         2,
         "chain.pem: certificate 2 (root authority) has not issued certificate 1",
         true},
        {{leaf, forged, root},
         3,
         "certificate 2 (authority good) has not issued certificate 1",
         true},
        {{leaf, good_one, good_one},
         3,
         "certificate 3 (authority good) has not issued certificate 2",
         true},
        {{of_no_ca, no_ca}, 2, "certificate 2 (someone) is no authority's", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tls_pair pair = pair_of(rows[i].chain, rows[i].n, key);
        assert_int_equal(opened(&pair, 1), 0);
        for (int reload = 0; reload < 2; reload++) {
            if (reload)
                assert_int_equal(taken_at_a_reload(&pair), rows[i].taken);
            if (rows[i].text[0] == '\0' ? logged[0] != '\0' : !strstr(logged, rows[i].text))
                fail_msg("row %zu: %s", i, logged);
            // One fault, one line.
            const char *end = strchr(logged, '\n');
            assert_true(end == NULL || end[1] == '\0');
        }
        pair_close(&pair);
    }
    struct tls_pair alone = pair_of(&self, 1, key);
    assert_int_equal(opened(&alone, 1), 0);
    assert_null(strstr(logged, "issuer"));
    assert_non_null(strstr(logged, "warning: chain.pem: is an authority's (CA:TRUE)"));
    pair_close(&alone);
    X509 *const all[] = {good_one, ending,  ended,  coming, no_ca,    old_root, forged,
                         leaf,     of_soon, of_old, of_new, of_no_ca, self};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        X509_free(all[i]);
    EVP_PKEY_free(key);
    EVP_PKEY_free(between_key);
}

// At a start that fails, whoever mends it is told of everything.
static void all_faults_are_told(void **state)
{
    (void)state;
    int nothing = text_file("", 0);
    const struct tls_pair pairs[] = {{"a.pem", "a.key", nothing, nothing, NULL},
                                     {"b.pem", "b.key", nothing, nothing, NULL}};
    assert_int_not_equal(opened(pairs, 2), 0);
    assert_non_null(strstr(logged, "a.pem: "));
    assert_non_null(strstr(logged, "a.key: "));
    assert_non_null(strstr(logged, "b.pem: "));
    assert_non_null(strstr(logged, "b.key: "));
    close(nothing);
}

// At a reload there is an older pair that serves on.
static void dates_at_a_reload(void **state)
{
    (void)state;
    static const struct {
        struct made_dates dates;
        const char *text;
        bool taken;
    } rows[] = {
        {{-7200, -3600}, "error: chain.pem: HAS EXPIRED", false},
        {{3600, 90 * 86400L}, "error: chain.pem: IS NOT YET VALID", false},
        {{-3600, 10 * 86400L}, "warning: chain.pem: expires in", true},
        {{-3600, 90 * 86400L}, "", true},
    };
    struct tls *tls = NULL;
    struct tls_pair first = pair_make(&authority, MADE_P256, dates_good);
    assert_int_equal(tls_open(&first, 1, NULL, &tls), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tls_pair pairs[] = {pair_make(&authority, MADE_RSA, dates_good),
                                   pair_make(&authority, MADE_P256, rows[i].dates)};
        log_start();
        const int result = replace_pairs(tls, pairs, 2);
        log_stop();
        assert_int_equal(result == 0, rows[i].taken);
        assert_non_null(strstr(logged, rows[i].text));
        pair_close(&pairs[0]);
        pair_close(&pairs[1]);
    }
    pair_close(&first);
    tls_close(tls);
}

// Contexts that are replaced are given back, with the sessions that they made.
static void replaced_contexts_are_freed(void **state)
{
    (void)state;
    enum { TIMES = 100 };
    struct tls *tls = NULL;
    struct tls_pair pairs[] = {pair_make(&authority, MADE_P256, dates_good),
                               pair_make(&authority, MADE_P256, dates_good)};
    size_t used = 0;
    assert_int_equal(tls_open(&pairs[0], 1, NULL, &tls), 0);
    for (int i = 0; i < 3 * TIMES; i++) {
        struct tls_wire wire = {.fd = -1};
        SSL *session = tls_session(tls, &wire);
        assert_non_null(session);
        assert_int_equal(replace_pairs(tls, &pairs[i % 2], 1), 0);
        SSL_free(session);
        if (i == 2 * TIMES) // the library's own tables have grown by then
            used = mallinfo2().uordblks;
    }
    const size_t now = mallinfo2().uordblks;
    assert_true(now <= used || now - used < 32 * 1024);
    for (int i = 0; i < 2; i++)
        pair_close(&pairs[i]);
    tls_close(tls);
}

// What clients call the server must be in a certificate (TLS-4).
static void names_of_the_server(void **state)
{
    (void)state;
    struct tls_pair pairs[] = {
        pair_make_for(&authority, MADE_P256, "DNS:a.test,DNS:*.b.test,IP:192.0.2.1", "one"),
        pair_make_for(&authority, MADE_RSA, "DNS:c.test,IP:2001:db8::1", "two"),
    };
    static const struct {
        const char *names[4];
        size_t n;
        const char *missing; // NULL: all are there
        const char *unused;  // a certificate that has none; NULL: each has one
    } rows[] = {
        {{"a.test", "x.b.test", "192.0.2.1", "2001:DB8:0::1"}, 4, NULL, NULL},
        {{"A.Test", "c.test"}, 2, NULL, NULL},
        {{0}, 0, NULL, NULL},
        {{"x.b.test"}, 1, NULL, "warning: two.pem: holds for none"},
        {{"a.test", "c.test", "d.test"}, 3, "d.test (control.names)", NULL},
        {{"a.test", "c.test", "x.y.b.test"}, 3, "x.y.b.test (control.names)", NULL},
        {{"a.test", "c.test", "192.0.2.2"}, 3, "192.0.2.2 (control.names)", NULL},
        {{"one", "a.test", "c.test"}, 3, "one (control.names)", NULL}, // the common name
        {{"d.test"}, 1, "d.test (control.names)", "warning: one.pem: holds for none"},
    };
    struct tls *tls = NULL;
    pairs[0].chain = "one.pem";
    pairs[1].chain = "two.pem";
    assert_int_equal(tls_open(pairs, 2, NULL, &tls), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct tls_names names = {rows[i].n, rows[i].names};
        for (int reload = 0; reload < 2; reload++) {
            struct tls *other = NULL;
            SSL_CTX *context = NULL;
            log_start();
            const int result = reload ? tls_prepare(pairs, 2, &names, &context)
                                      : tls_open(pairs, 2, &names, &other);
            log_stop();
            assert_int_equal(result == 0, !reload || rows[i].missing == NULL);
            const char *said = rows[i].missing ? strstr(logged, rows[i].missing) : logged;
            if (said == NULL || (strstr(logged, "(control.names)") != NULL) != !!rows[i].missing)
                fail_msg("row %zu: %s", i, logged);
            if (rows[i].unused == NULL ? strstr(logged, "holds for none") != NULL
                                       : strstr(logged, rows[i].unused) == NULL)
                fail_msg("row %zu: %s", i, logged);
            SSL_CTX_free(context);
            tls_close(other);
        }
    }
    tls_close(tls);
    for (int i = 0; i < 2; i++)
        pair_close(&pairs[i]);
}

static void garbage(void **state) // F14
{
    (void)state;
    static const char nothing[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    struct tls_pair pair = pair_make(&authority, MADE_P256, dates_good);
    int bad = text_file(nothing, sizeof nothing - 1);
    int empty = text_file("", 0);
    struct tls_pair wrong[] = {
        {"bad.pem", "key.pem", bad, pair.key_fd, NULL},
        {"bad.pem", "key.pem", empty, pair.key_fd, NULL},
        {"bad.pem", "key.pem", -1, pair.key_fd, NULL},
        {"chain.pem", "bad.pem", pair.chain_fd, bad, NULL},
        {"chain.pem", "bad.pem", pair.chain_fd, empty, NULL},
        {"chain.pem", "bad.pem", pair.chain_fd, pair.chain_fd, NULL},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_not_equal(opened(&wrong[i], 1), 0);
        assert_non_null(strstr(logged, "bad.pem: "));
    }
    close(bad);
    close(empty);
    pair_close(&pair);
}

static void encrypted_key(void **state) // F14: a server cannot type a passphrase
{
    (void)state;
    struct tls_pair pair = pair_make(&authority, MADE_P256, dates_good);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    char passphrase[] = "secret";
    assert_true(
        PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_128_cbc(), passphrase, 6, NULL, NULL));
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    close(pair.key_fd);
    pair.key_fd = text_file(text, (size_t)len);
    assert_int_not_equal(opened(&pair, 1), 0);
    assert_non_null(strstr(logged, "key.pem: holds no private key in PEM without a passphrase"));
    BIO_free(bio);
    EVP_PKEY_free(key);
    pair_close(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),
        cmocka_unit_test(one_of_each_kind),
        cmocka_unit_test(key_of_another),
        cmocka_unit_test(dates),
        cmocka_unit_test(the_subject_is_told),
        cmocka_unit_test(the_first_end_is_told),
        cmocka_unit_test(dates_at_a_reload),
        cmocka_unit_test(whole_chains),
        cmocka_unit_test(all_faults_are_told),
        cmocka_unit_test(replaced_contexts_are_freed),
        cmocka_unit_test(names_of_the_server),
        cmocka_unit_test(garbage),
        cmocka_unit_test(encrypted_key),
    };
    authority = authority_make();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    authority_free(&authority);
    return failed;
}
