// Key exchanges with the real loops over loopback: TLS profile, messages, answers. Checklist
// sections 1 to 4.
#include "tests/control/ke/ke_server.h"

#include "base/bytes.h"
#include "control/ke/ke_records.h"
#include "crypto/cookie.h"
#include "tests/control/ke/ke_client.h"
#include "tests/control/ke/replace_pairs.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define NEXT "\x80\x01\x00\x02\x00\x00"
#define AEAD "\x80\x04\x00\x02\x00\x0f"
#define END "\x80\x00\x00\x00"
#define ERROR(n) "\x80\x02\x00\x02\x00" n END

static const char request[] = NEXT AEAD END;
enum { REQUEST_LEN = sizeof request - 1, RESPONSE_LEN = 848 };

static struct ke_server server;

static int setup(void **state)
{
    (void)state;
    ke_server_open(&server, &(struct ke_server_options){0});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ke_server_check_sums(&server);
    ke_server_close(&server);
    return 0;
}

static void open_client(struct ke_client *client, const struct ke_client_options *options)
{
    assert_true(ke_client_open(client, &server.address, options));
}

// The whole answer is these octets, then close_notify and FIN.
static void expect(struct ke_client *client, const char *octets, size_t len)
{
    uint8_t got[4096];
    size_t got_len, first;
    assert_int_equal(ke_client_receive(client, got, sizeof got, &got_len, &first), ENDED_BY_FIN);
    assert_int_equal(got_len, len);
    assert_memory_equal(got, octets, len);
}

// A normal response; its cookies hold the keys that the client exports.
static void expect_cookies(struct ke_client *client)
{
    uint8_t got[4096];
    size_t len, first;
    assert_int_equal(ke_client_receive(client, got, sizeof got, &len, &first), ENDED_BY_FIN);
    assert_int_equal(first, len); // KE-9: in one TLS record
    assert_int_equal(len, RESPONSE_LEN);
    assert_memory_equal(got, NEXT AEAD, 12);

    uint8_t expected[COOKIE_KEYS_LEN];
    for (uint8_t direction = 0; direction < 2; direction++) {
        const uint8_t context[5] = {0, 0, 0, 15, direction};
        assert_int_equal(SSL_export_keying_material(client->session, expected + 32 * direction, 32,
                                                    "EXPORTER-network-time-security", 30, context,
                                                    5, 1),
                         1);
    }
    for (int i = 0; i < 8; i++) {
        const uint8_t *cookie = got + 12 + i * 104 + 4;
        assert_memory_equal(cookie - 4, "\x00\x05\x00\x64", 4);
        uint8_t keys[COOKIE_KEYS_LEN];
        assert_int_equal(be32_get(cookie), server.key.id);
        assert_true(cookie_open(&server.key, cookie, keys, COOKIE_KEYS_LEN));
        assert_memory_equal(keys, expected, sizeof keys);
        for (int j = 0; j < i; j++) // REC-5b: all distinct, nonces included
            assert_memory_not_equal(cookie + 4, got + 12 + j * 104 + 8, 16);
    }
    assert_memory_equal(got + 844, END, 4);
}

static void exchange_with(const struct ke_client_options *options)
{
    struct ke_client client;
    open_client(&client, options);
    ke_client_send(&client, request, REQUEST_LEN);
    expect_cookies(&client);
    assert_int_equal(client.tickets, 0); // TLS-5
    ke_client_close(&client);
}

static void normal(void **state) // TLS-4: the chain is whole and the name is right
{
    (void)state;
    exchange_with(&(struct ke_client_options){.root = server.authority.root});
}

static void both_families(void **state) // TLS-7
{
    (void)state;
    if (server.n_listeners < 2) {
        print_message("# no IPv6 here\n");
        skip();
    }
    struct ke_client client;
    assert_true(ke_client_open(&client, &server.address6, &(struct ke_client_options){0}));
    ke_client_send(&client, request, REQUEST_LEN);
    expect_cookies(&client);
    ke_client_close(&client);
}

static void old_versions(void **state) // TLS-1
{
    (void)state;
    static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION};
    for (size_t i = 0; i < 3; i++) {
        struct ke_client client;
        const struct ke_client_options options = {.max_version = versions[i]};
        assert_false(ke_client_open(&client, &server.address, &options));
        assert_int_equal(client.alert, 70);
        ke_client_close(&client);
    }
    ke_server_await(&server, KE_NO_HANDSHAKE, 3);
}

static void alpn(void **state) // TLS-3
{
    (void)state;
    static const char *const good[] = {"\x07ntske/1", "\x02h2\x07ntske/1", "\x07ntske/1\x02h2"};
    static const char *const bad[] = {"\x02h2", "\x07ntske/2", "\x06ntske/", "\x08ntske/1x"};
    for (size_t i = 0; i < 3; i++) {
        struct ke_client client;
        open_client(&client, &(struct ke_client_options){.alpn = good[i]});
        const unsigned char *agreed;
        unsigned len;
        SSL_get0_alpn_selected(client.session, &agreed, &len);
        assert_int_equal(len, 7);
        assert_memory_equal(agreed, "ntske/1", 7);
        ke_client_send(&client, request, REQUEST_LEN);
        expect_cookies(&client);
        ke_client_close(&client);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ke_client client;
        const struct ke_client_options options = {.alpn = bad[i]};
        assert_false(ke_client_open(&client, &server.address, &options));
        assert_int_equal(client.alert, 120);
        ke_client_close(&client);
    }
}

static void no_alpn(void **state) // TLS-3: refused once the handshake is done, without a word
{
    (void)state;
    struct ke_client client;
    open_client(&client, &(struct ke_client_options){.alpn = ""});
    ke_client_send(&client, request, REQUEST_LEN);
    expect(&client, "", 0);
    ke_client_close(&client);
    ke_server_await(&server, KE_NO_ALPN, 1);
}

static void groups_and_suites(void **state) // TLS-2, EXP-2
{
    (void)state;
    static const char *const groups[] = {"X25519", "P-256", "P-384:P-256", "P-521:P-256"};
    static const char *const suites[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                         "TLS_CHACHA20_POLY1305_SHA256"};
    for (size_t i = 0; i < 4; i++)
        exchange_with(&(struct ke_client_options){.groups = groups[i]});
    for (size_t i = 0; i < 3; i++)
        exchange_with(&(struct ke_client_options){.groups = groups[0], .suites = suites[i]});

    // Alone, P-384 has nothing in common with us: handshake_failure.
    struct ke_client client;
    assert_false(
        ke_client_open(&client, &server.address, &(struct ke_client_options){.groups = "P-384"}));
    assert_int_equal(client.alert, 40);
    ke_client_close(&client);

    // The cheapest of those that both have, whatever the client likes best.
    open_client(&client, &(struct ke_client_options){
                             .groups = groups[0],
                             .suites = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"});
    assert_string_equal(SSL_get_cipher_name(client.session), suites[0]);
    ke_client_send(&client, request, REQUEST_LEN);
    expect_cookies(&client);
    ke_client_close(&client);

    // P8: of each handshake it is counted what it was, and how long it took.
    open_client(&client, &(struct ke_client_options){.groups = groups[0]});
    ke_client_send(&client, END, 4);
    expect(&client, ERROR("\x01"), 10);
    ke_client_close(&client);
    ke_server_await(&server, KE_COMPLETED, 8);
    const struct ke_counters *c = ke_counters(server.ke);
    assert_int_equal(c->group[KE_X25519], 6);
    assert_int_equal(c->group[KE_P256], 3);
    assert_int_equal(c->suite[KE_AES_128_GCM], 7);
    assert_int_equal(c->suite[KE_AES_256_GCM], 1);
    assert_int_equal(c->suite[KE_CHACHA20], 1);
    assert_int_equal(c->key[KE_EC], 9);
    assert_int_equal(c->group[KE_HYBRID], 0);
    assert_int_equal(c->group[KE_OTHER_GROUP] + c->suite[KE_OTHER_SUITE] + c->key[KE_OTHER_KEY], 0);
    uint64_t handshakes = 0, exchanges = 0;
    for (int i = 0; i < KE_TIME_BINS; i++) {
        handshakes += c->handshake.bin[i];
        exchanges += c->exchange.bin[i];
    }
    assert_int_equal(handshakes, 9); // one of them was refused
    assert_int_equal(exchanges, 8);
    assert_true(c->handshake.sum_ns > 0 && c->exchange.sum_ns > 0);
}

static void cpu_time(void **state) // P8: the loops' CPU time is counted, sooner or later
{
    (void)state;
    exchange_with(&(struct ke_client_options){0});
    for (int i = 0; i < 6000 && ke_counters(server.ke)->cpu_ns == 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_true(ke_counters(server.ke)->cpu_ns > 0);
}

enum { P256 = 0x0017, X25519 = 0x001d, HYBRID = 0x11ec };

// Has this OpenSSL X25519 with ML-KEM-768?
static bool has_hybrid(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    const bool has = SSL_CTX_set1_groups_list(context, "X25519MLKEM768") == 1;
    SSL_CTX_free(context);
    return has;
}

// An extension's head, or a key share's.
static uint8_t *head(uint8_t *at, uint16_t type, size_t len)
{
    be16_put(at, type);
    be16_put(at + 2, (uint16_t)len);
    return at + 4;
}

static uint8_t *put(uint8_t *at, const void *octets, size_t len)
{
    memcpy(at, octets, len);
    return at + len;
}

// The shares of a client: points that all know to be on their curves.
static size_t put_share(uint8_t *out, uint16_t group)
{
    static const uint8_t generator[65] = {
        0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5,
        0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4,
        0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a,
        0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
        0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};
    static const uint8_t base[32] = {9};
    static const uint8_t key[1184 + 32] = {[1184] = 9}; // of ML-KEM-768, all zero; then X25519's
    const uint8_t *share = group == P256 ? generator : group == X25519 ? base : key;
    const size_t len = group == P256     ? sizeof generator
                       : group == X25519 ? sizeof base
                                         : sizeof key;
    put(head(out, group, len), share, len);
    return 4 + len;
}

// A ClientHello in a record, which offers all these groups and has shares of n of them, in this
// order.
static size_t hello_with(uint8_t out[4096], const uint16_t *groups, size_t n)
{
    static const uint8_t first[] = {3, 3}, no_session[] = {0}, suite[] = {0, 2, 0x13, 0x01, 1, 0},
                         versions[] = {2, 3, 4}, all[] = {0,           6,           P256 >> 8,
                                                          P256 & 255,  X25519 >> 8, X25519 & 255,
                                                          HYBRID >> 8, HYBRID & 255},
                         signatures[] = {0, 2, 4, 3}; // ecdsa_secp256r1_sha256
    static const char alpn[] = "\x00\x08\x07ntske/1";
    uint8_t shares[2048];
    size_t shares_len = 0;
    for (size_t i = 0; i < n; i++)
        shares_len += put_share(shares + shares_len, groups[i]);

    uint8_t *at = put(out + 9, first, sizeof first);
    memset(at, 0x5a, 32); // random
    at = put(put(at + 32, no_session, sizeof no_session), suite, sizeof suite);
    uint8_t *extensions = at;
    at = put(head(at + 2, 43, sizeof versions), versions, sizeof versions);
    at = put(head(at, 10, sizeof all), all, sizeof all);
    at = put(head(at, 13, sizeof signatures), signatures, sizeof signatures);
    at = put(head(at, 16, sizeof alpn - 1), alpn, sizeof alpn - 1);
    at = head(at, 51, 2 + shares_len);
    be16_put(at, (uint16_t)shares_len);
    at = put(at + 2, shares, shares_len);
    be16_put(extensions, (uint16_t)(at - extensions - 2));
    const size_t len = (size_t)(at - out);
    memcpy(out, "\x16\x03\x01", 3);
    be16_put(out + 3, (uint16_t)(len - 5));
    be32_put(out + 5, 1u << 24 | (uint32_t)(len - 9));
    return len;
}

// The group of the answer's key share; a HelloRetryRequest names one, too.
static uint16_t answered_group(const uint16_t *groups, size_t n)
{
    uint8_t octets[4096];
    const int fd = ke_client_socket(&server.address, 0);
    const size_t len = hello_with(octets, groups, n);
    assert_int_equal(send(fd, octets, len, 0), len);
    size_t have = 0;
    ssize_t got;
    while (have < 9 || have < 5u + be16_get(octets + 3)) {
        assert_true((got = recv(fd, octets + have, sizeof octets - have, 0)) > 0);
        have += (size_t)got;
    }
    close(fd);
    assert_int_equal(octets[0], 22);
    // ServerHello: version, random, no session, suite, no compression; then extensions.
    size_t at = 9 + 2 + 32 + 1 + 2 + 1;
    const size_t end = at + 2 + be16_get(octets + at);
    for (at += 2; at < end && be16_get(octets + at) != 51;)
        at += 4u + be16_get(octets + at + 2);
    assert_true(at < end);
    return be16_get(octets + at + 4);
}

// A whole exchange: its ClientHello is longer than what is read ahead.
static void hybrid_exchange(void **state) // TLS-2
{
    (void)state;
    if (!has_hybrid()) {
        print_message("# nothing is tried: this OpenSSL, before 3.5, has no ML-KEM\n");
        return;
    }
    exchange_with(&(struct ke_client_options){.groups = "X25519MLKEM768"});
    exchange_with(&(struct ke_client_options){.groups = "X25519:X25519MLKEM768"});
    ke_server_await(&server, KE_COMPLETED, 2);
    assert_int_equal(ke_counters(server.ke)->group[KE_HYBRID], 1);
    assert_int_equal(ke_counters(server.ke)->group[KE_X25519], 1);
}

// GnuTLS sends a share of P-256 and one of X25519 behind it.
static void group_by_shares(void **state)
{
    (void)state;
    static const uint16_t both[] = {P256, X25519}, turned[] = {X25519, P256};
    assert_int_equal(answered_group(both, 2), X25519);
    assert_int_equal(answered_group(turned, 2), X25519);
    assert_int_equal(answered_group(both, 1), P256); // nobody is sent back for X25519
    assert_int_equal(answered_group(turned, 1), X25519);
    assert_int_equal(answered_group(both, 0), X25519); // asked for
    // Those with a post-quantum share; here it comes in two segments or more.
    static const uint16_t first[] = {HYBRID, X25519}, last[] = {P256, X25519, HYBRID};
    const uint16_t best = has_hybrid() ? HYBRID : X25519;
    assert_int_equal(answered_group(first, 2), best);
    assert_int_equal(answered_group(last, 3), best);
    assert_int_equal(answered_group(first, 1), best); // OpenSSL 3.0 asks for X25519
}

// A session as if of an earlier connection, early data allowed.
static SSL_SESSION *made_up_session(SSL *session)
{
    static const uint8_t secret[32] = {1};
    static const uint8_t aes_128_gcm_sha256[] = {0x13, 0x01};
    SSL_SESSION *made = SSL_SESSION_new();
    assert_true(SSL_SESSION_set1_master_key(made, secret, sizeof secret));
    assert_true(SSL_SESSION_set_cipher(made, SSL_CIPHER_find(session, aes_128_gcm_sha256)));
    assert_true(SSL_SESSION_set_protocol_version(made, TLS1_3_VERSION));
    assert_true(SSL_SESSION_set_max_early_data(made, 1000));
    assert_true(SSL_SESSION_set1_alpn_selected(made, (const unsigned char *)"ntske/1", 7));
    return made;
}

static int offer_psk(SSL *session, const EVP_MD *md, const unsigned char **id, size_t *id_len,
                     SSL_SESSION **offered)
{
    (void)md;
    static const unsigned char ticket[] = "what looks like a ticket of an earlier connection";
    *offered = made_up_session(session);
    *id = ticket;
    *id_len = sizeof ticket;
    return 1;
}

static void no_resumption(void **state) // TLS-5: a PSK falls back, early data is rejected
{
    (void)state;
    struct ke_client client;
    const struct ke_client_options options = {
        .offer_psk = offer_psk, .early = request, .early_len = REQUEST_LEN};
    open_client(&client, &options);
    assert_false(SSL_session_reused(client.session));
    assert_int_equal(SSL_get_early_data_status(client.session), SSL_EARLY_DATA_REJECTED);
    ke_client_send(&client, request, REQUEST_LEN);
    expect_cookies(&client);
    assert_int_equal(client.tickets, 0);
    ke_client_close(&client);
}

static void answers(void **state) // KE-4, KE-7, KE-8, REC-1, REC-1b, REC-4, REC-4b over the wire
{
    (void)state;
    static const struct {
        const char *ask;
        size_t ask_len;
        const char *answer;
        size_t answer_len;
    } rows[] = {
#define ROW(ask, answer) {ask, sizeof(ask) - 1, answer, sizeof(answer) - 1}
        ROW(NEXT AEAD "\x87\xd0\x00\x00" END, ERROR("\x00")),
        ROW(NEXT "\x87\xd0\x00\x00" END, ERROR("\x00")),
        ROW(NEXT END, ERROR("\x01")),
        ROW(AEAD END, ERROR("\x01")),
        ROW(NEXT AEAD "\x80\x02\x00\x02\x00\x01" END, ERROR("\x01")),
        ROW(NEXT AEAD "\x00\x00\x00\x00", ERROR("\x01")),
        ROW(NEXT AEAD "\x07\xd0\xff\xff", ERROR("\x01")),
        ROW("\x80\x01\x00\x02\x80\x01" END, "\x80\x01\x00\x00" END),
        ROW(NEXT "\x80\x04\x00\x02\x00\x1f" END, NEXT "\x80\x04\x00\x00" END),
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ke_client client;
        open_client(&client, &(struct ke_client_options){0});
        ke_client_send(&client, rows[i].ask, rows[i].ask_len);
        expect(&client, rows[i].answer, rows[i].answer_len);
        ke_client_close(&client);
    }
    ke_server_await(&server, KE_ERRED_CRITICAL, 2);
    ke_server_await(&server, KE_ERRED_REQUEST, 5);
    ke_server_await(&server, KE_NO_COMMON, 2);
}

static void one_response(void **state) // KE-1
{
    (void)state;
    struct ke_client client;
    open_client(&client, &(struct ke_client_options){0});
    ke_client_send(&client, NEXT AEAD END NEXT AEAD END, 2 * REQUEST_LEN);
    expect_cookies(&client);
    ke_client_close(&client);
}

static void cut_anywhere(void **state) // KE-3
{
    (void)state;
    static const char twice[] = NEXT AEAD END NEXT AEAD END;
    for (size_t cut = 1; cut < 2 * REQUEST_LEN; cut++) {
        struct ke_client client;
        open_client(&client, &(struct ke_client_options){0});
        ke_client_send(&client, twice, cut);
        ke_client_send(&client, twice + cut, 2 * REQUEST_LEN - cut);
        expect_cookies(&client);
        ke_client_close(&client);
    }
    struct ke_client client;
    open_client(&client, &(struct ke_client_options){0});
    for (size_t i = 0; i < REQUEST_LEN; i++)
        ke_client_send(&client, request + i, 1);
    expect_cookies(&client);
    ke_client_close(&client);
}

// A request of len octets, filled up by one unknown record.
static void fill(uint8_t *out, size_t len)
{
    memcpy(out, NEXT AEAD "\x07\xd0", 14);
    be16_put(out + 14, (uint16_t)(len - 20));
    memset(out + 16, 0x5a, len - 20);
    memcpy(out + len - 4, END, 4);
}

static void long_requests(void **state) // KE-2
{
    (void)state;
    uint8_t octets[KE_REQUEST_MAX + 1];
    static const size_t good[] = {1024, KE_REQUEST_MAX};
    struct ke_client client;
    for (size_t i = 0; i < 2; i++) {
        fill(octets, good[i]);
        open_client(&client, &(struct ke_client_options){0});
        ke_client_send(&client, octets, good[i]);
        expect_cookies(&client);
        ke_client_close(&client);
    }
    // One octet a TLS record stays within the budget of what a client may send.
    open_client(&client, &(struct ke_client_options){0});
    for (size_t i = 0; i < KE_REQUEST_MAX; i++)
        ke_client_send(&client, octets + i, 1);
    expect_cookies(&client);
    ke_client_close(&client);

    fill(octets, KE_REQUEST_MAX + 1);
    open_client(&client, &(struct ke_client_options){0});
    ke_client_send(&client, octets, KE_REQUEST_MAX + 1);
    expect(&client, ERROR("\x01"), 10);
    ke_client_close(&client);
}

static void half_a_request(void **state) // KE-5: the client ends, and can still hear
{
    (void)state;
    struct ke_client client;
    for (int with_notify = 0; with_notify < 2; with_notify++) {
        open_client(&client, &(struct ke_client_options){0});
        ke_client_send(&client, request, REQUEST_LEN - 1);
        if (with_notify)
            SSL_shutdown(client.session);
        shutdown(client.fd, SHUT_WR);
        expect(&client, ERROR("\x01"), 10);
        ke_client_close(&client);
    }
}

static void half_closed(void **state) // KE exhaustion, half-close: a whole request is answered
{
    (void)state;
    struct ke_client client;
    open_client(&client, &(struct ke_client_options){0});
    ke_client_send(&client, request, REQUEST_LEN);
    shutdown(client.fd, SHUT_WR);
    expect_cookies(&client);
    ke_client_close(&client);
}

// TLS-6: what the client sends after End of Message is drained, so that no RST destroys the
// response.
static void junk_behind(void **state)
{
    (void)state;
    static uint8_t octets[REQUEST_LEN + 16000];
    for (int i = 0; i < 20; i++) {
        struct ke_client client;
        memcpy(octets, request, REQUEST_LEN);
        open_client(&client, &(struct ke_client_options){0});
        ke_client_send(&client, octets, sizeof octets);
        for (int j = 0; j < 2; j++)
            ke_client_send(&client, octets, sizeof octets);
        expect_cookies(&client);
        ke_client_close(&client);
    }
}

// The certificate that a client was shown, as one number.
static long serial_of(const struct ke_client *client)
{
    X509 *shown = SSL_get1_peer_certificate(client->session);
    assert_non_null(shown);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len;
    assert_int_equal(X509_digest(shown, EVP_sha256(), digest, &len), 1);
    X509_free(shown);
    long serial;
    memcpy(&serial, digest, sizeof serial);
    return serial;
}

static _Atomic int replacing;
static _Atomic unsigned handshakes;

// Clients meanwhile: each handshake must come to its answer.
static void *keep_asking(void *unused)
{
    (void)unused;
    while (replacing) {
        struct ke_client client;
        uint8_t got[4096];
        size_t len = 0, first;
        if (!ke_client_open(&client, &server.address, &(struct ke_client_options){0}))
            return "a handshake fails";
        ke_client_send(&client, request, REQUEST_LEN);
        if (ke_client_receive(&client, got, sizeof got, &len, &first) != ENDED_BY_FIN ||
            len != RESPONSE_LEN)
            return "an exchange fails";
        ke_client_close(&client);
        handshakes++;
    }
    return NULL;
}

// Other certificates: used from the next session on, as a whole or not at all, without a failed
// session.
static void other_certificates(void **state)
{
    (void)state;
    struct tls_pair other = pair_make(&server.authority, MADE_RSA, dates_good);
    struct tls_pair third = pair_make(&server.authority, MADE_P256, dates_good);
    const struct tls_pair mixed[] = {other,
                                     {"chain.pem", "key.pem", third.chain_fd, other.key_fd, NULL}};
    struct ke_client old, now;
    open_client(&old, &(struct ke_client_options){0});
    const long first = serial_of(&old);

    assert_int_not_equal(replace_pairs(server.tls, mixed, 2), 0);
    open_client(&now, &(struct ke_client_options){.root = server.authority.root});
    assert_int_equal(serial_of(&now), first); // not even the good one of them
    ke_client_close(&now);

    assert_int_equal(replace_pairs(server.tls, &other, 1), 0);
    open_client(&now, &(struct ke_client_options){.root = server.authority.root});
    assert_int_not_equal(serial_of(&now), first);
    ke_client_close(&now);
    ke_client_send(&old, request, REQUEST_LEN); // its context is not gone
    expect_cookies(&old);
    ke_client_close(&old);

    pthread_t thread[2];
    void *fault;
    replacing = 1;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, keep_asking, NULL), 0);
    for (int i = 0; i < 200 || handshakes < 50; i++)
        assert_int_equal(replace_pairs(server.tls, i % 2 ? &other : &third, 1), 0);
    replacing = 0;
    for (int i = 0; i < 2; i++) {
        pthread_join(thread[i], &fault);
        if (fault != NULL)
            fail_msg("%s", (const char *)fault);
    }
    pair_close(&other);
    pair_close(&third);
}

// REC-6, REC-6b, REC-7: another layout, where NTP has its own name and port.
static void elsewhere(void **state)
{
    (void)state;
    const struct ke_server_options options = {.ntp_server = "ntp.example", .udp_port = 8123};
    ke_server_open(&server, &options);
    static const char *const asks[] = {
        request,
        NEXT AEAD "\x00\x06\x00\x0bntp.example" END, // our own name is echoed
        NEXT AEAD "\x00\x06\x00\x0bntp.foreign" END, // another one is not
    };
    static const size_t lens[] = {REQUEST_LEN, REQUEST_LEN + 15, REQUEST_LEN + 15};
    for (int i = 0; i < 3; i++) {
        struct ke_client client;
        uint8_t got[4096];
        size_t len, first;
        open_client(&client, &(struct ke_client_options){0});
        ke_client_send(&client, asks[i], lens[i]);
        assert_int_equal(ke_client_receive(&client, got, sizeof got, &len, &first), ENDED_BY_FIN);
        assert_int_equal(len, RESPONSE_LEN + 6 + 15);
        assert_memory_equal(got, NEXT AEAD "\x80\x07\x00\x02\x1f\xbb\x80\x06\x00\x0bntp.example",
                            33);
        ke_client_close(&client);
    }
}

// dataplane.deny: closed without an octet and not served, while others are.
static void denied(void **state)
{
    (void)state;
    const struct prefix all[] = {{.ip_version = 4}, {.ip_version = 6}};
    const struct prefix deny[] = {{.ip_version = 4, .len = 8, .octets = {127}}};
    struct prefixes *sources = prefixes_make(all, 2, deny, 1);
    ke_server_open(&server, &(struct ke_server_options){.max_connections = 2, .sources = sources});
    for (int i = 0; i < 4; i++) { // none of them keeps a place
        struct ke_client client;
        assert_false(ke_client_open(&client, &server.address, &(struct ke_client_options){0}));
        assert_int_equal(client.alert, -1);
        ke_client_close(&client);
    }
    ke_server_await(&server, KE_DENIED, 4);
    assert_int_equal(ke_counted(ke_counters(server.ke), KE_ACCEPTED), 0);
    ke_server_await_open(&server, 0);
    if (server.n_listeners == 2) {
        both_families(NULL);
        ke_server_await(&server, KE_ACCEPTED, 1);
    }
    ke_server_check_sums(&server);
    ke_server_close(&server);
    prefixes_free(sources);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(normal),
        TEST(both_families),
        TEST(old_versions),
        TEST(alpn),
        TEST(no_alpn),
        TEST(groups_and_suites),
        TEST(cpu_time),
        TEST(group_by_shares),
        TEST(hybrid_exchange),
        TEST(no_resumption),
        TEST(answers),
        TEST(one_response),
        TEST(cut_anywhere),
        TEST(long_requests),
        TEST(half_a_request),
        TEST(half_closed),
        TEST(junk_behind),
        TEST(other_certificates),
        cmocka_unit_test_teardown(elsewhere, teardown),
        cmocka_unit_test(denied),
    };
    signal(SIGPIPE, SIG_IGN); // the clients write where the server has ended
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
