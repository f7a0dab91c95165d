// Key exchanges with the real loops over loopback: TLS profile, messages, answers. Checklist
// sections 1 to 4.
#include "tests/control/ke/ke_server.h"

#include "base/bytes.h"
#include "control/ke/ke_records.h"
#include "crypto/cookie.h"
#include "tests/control/ke/ke_client.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

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
    static const char *const groups[] = {"X25519", "P-256", "P-384", "P-521:P-256"};
    static const char *const suites[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                         "TLS_CHACHA20_POLY1305_SHA256"};
    for (size_t i = 0; i < 4; i++)
        exchange_with(&(struct ke_client_options){.groups = groups[i]});
    for (size_t i = 0; i < 3; i++)
        exchange_with(&(struct ke_client_options){.suites = suites[i]});
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
    const struct tls_pair mixed[] = {other, {"chain.pem", "key.pem", third.chain_fd, other.key_fd}};
    struct ke_client old, now;
    open_client(&old, &(struct ke_client_options){0});
    const long first = serial_of(&old);

    assert_int_not_equal(tls_replace(server.tls, mixed, 2), 0);
    open_client(&now, &(struct ke_client_options){.root = server.authority.root});
    assert_int_equal(serial_of(&now), first); // not even the good one of them
    ke_client_close(&now);

    assert_int_equal(tls_replace(server.tls, &other, 1), 0);
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
        assert_int_equal(tls_replace(server.tls, i % 2 ? &other : &third, 1), 0);
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
    };
    signal(SIGPIPE, SIG_IGN); // the clients write where the server has ended
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
