// The records of pools: tokens and their file, what a pool may ask for, and connections that stay,
// with the real loops over loopback.
#include "control/ke/ke_pool.h"

#include "base/bytes.h"
#include "control/ke/ke_record.h"
#include "crypto/cookie.h"
#include "tests/control/ke/ke_client.h"
#include "tests/control/ke/ke_server.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define NEXT "\x80\x01\x00\x02\x00\x00"
#define AEAD "\x80\x04\x00\x02\x00\x0f"
#define END "\x80\x00\x00\x00"
#define ERROR(n) "\x80\x02\x00\x02\x00" n END
#define KEEP "\x00\x08\x00\x00"
#define PROTOCOLS "\x80\x09\x00\x00"
#define AEADS "\x80\x0a\x00\x00"
#define DENY                                                                                       \
    "\x00\x0d\x00\x09"                                                                             \
    "time.test"
#define TOKEN_TEXT "0123456789abcdef0123456789abcdef"
#define TOKEN "\x00\x0e\x00\x20" TOKEN_TEXT
#define KEYS                                                                                       \
    "\x80\x0c\x00\x40"                                                                             \
    "C2S-45678-12345678-12345678-1234S2C-45678-12345678-12345678-1234"
#define TEXT(text) text, sizeof(text) - 1

enum { RESPONSE_LEN = 848 };

static int file_of(const char *text, size_t len)
{
    const int fd = memfd_create("tokens", MFD_CLOEXEC);
    assert_int_equal(write(fd, text, len), len);
    return fd;
}

static struct ke_tokens *tokens_of(const char *text, size_t len)
{
    char why[512];
    struct ke_tokens *tokens = NULL;
    const int fd = file_of(text, len);
    if (ke_tokens_read(fd, "/t", &tokens, why, sizeof why) != 0)
        fail_msg("%s", why);
    close(fd);
    return tokens;
}

static enum ke_pool_identity identify(const struct ke_tokens *tokens, const void *request,
                                      size_t len)
{
    return ke_pool_identify(tokens, request, len);
}

static void tokens_are_compared_whole(void **state)
{
    (void)state;
    struct ke_tokens *tokens =
        tokens_of(TEXT("# two pools\n\n" TOKEN_TEXT "\n  \nanother-token-of-24-char\r\n"));
    assert_int_equal(identify(tokens, TEXT(TOKEN PROTOCOLS END)), KE_FROM_POOL);
    assert_int_equal(identify(tokens, TEXT(PROTOCOLS TOKEN END)), KE_FROM_POOL);
    assert_int_equal(identify(tokens, TEXT("\x00\x0e\x00\x18"
                                           "another-token-of-24-char" END)),
                     KE_FROM_POOL);
    assert_int_equal(identify(tokens, TEXT(PROTOCOLS END)), KE_FROM_ANYONE);
    assert_int_equal(identify(NULL, TEXT(TOKEN PROTOCOLS END)), KE_FROM_ANYONE);
    assert_int_equal(identify(tokens, TEXT(TOKEN TOKEN END)), KE_FROM_IMPOSTOR);
    assert_int_equal(identify(tokens, TEXT("\x00\x0e\x00\x00" END)), KE_FROM_IMPOSTOR);
    assert_int_equal(identify(tokens, TEXT("\x00\x0e\x00\x1f"
                                           "0123456789abcdef0123456789abcde" END)),
                     KE_FROM_IMPOSTOR);
    for (size_t bit = 0; bit < 32 * 8; bit++) {
        char request[] = TOKEN END;
        request[4 + bit / 8] = (char)(request[4 + bit / 8] ^ 1 << bit % 8);
        assert_int_equal(identify(tokens, request, sizeof request - 1), KE_FROM_IMPOSTOR);
    }
    ke_tokens_free(tokens);
}

static void a_wrong_file_names_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } wrong[] = {
        {"", "/t:1: there is no token"},
        {"# none\n", "/t:2: there is no token"},
        {"\n" TOKEN_TEXT "\nshort\n", "/t:3: a token of less than 16 characters can be guessed"},
        {TOKEN_TEXT " " TOKEN_TEXT, "/t:1: a token has printable ASCII characters without blanks"},
        {TOKEN_TEXT "\n" TOKEN_TEXT "\x80", "/t:2: a token has printable"},
        {"\t" TOKEN_TEXT, "/t:1: a token has printable"},
    };
    char why[512], many[KE_TOKENS_MAX * 40 + 400];
    struct ke_tokens *tokens = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const int fd = file_of(wrong[i].text, strlen(wrong[i].text));
        assert_int_equal(ke_tokens_read(fd, "/t", &tokens, why, sizeof why), -EINVAL);
        if (strstr(why, wrong[i].why) != why)
            fail_msg("%s instead of %s", why, wrong[i].why);
        close(fd);
    }
    size_t len = 0;
    for (int i = 0; i <= KE_TOKENS_MAX; i++)
        len += (size_t)sprintf(many + len, "%s%02d\n", TOKEN_TEXT, i);
    const int fd = file_of(many, len);
    assert_int_equal(ke_tokens_read(fd, "/t", &tokens, why, sizeof why), -EINVAL);
    assert_string_equal(why, "/t:17: a file has at most 16 tokens; remove one");
    close(fd);
    memset(many, 'x', 256);
    const int other = file_of(many, 256);
    assert_int_equal(ke_tokens_read(other, "/t", &tokens, why, sizeof why), -EINVAL);
    assert_string_equal(why, "/t:1: a token has at most 255 characters");
    close(other);
    assert_null(tokens);
}

static void what_is_no_request(void **state)
{
    (void)state;
    static const struct {
        const char *octets;
        size_t len;
        enum ke_error error;
    } wrong[] = {
        {TEXT(TOKEN PROTOCOLS PROTOCOLS END), KE_BAD_REQUEST},
        {TEXT(TOKEN PROTOCOLS NEXT END), KE_BAD_REQUEST},
        {TEXT(TOKEN AEADS AEAD END), KE_BAD_REQUEST},
        {TEXT(TOKEN AEADS KEYS END), KE_BAD_REQUEST},
        {TEXT(TOKEN KEYS END), KE_BAD_REQUEST},
        {TEXT(TOKEN KEYS NEXT END), KE_BAD_REQUEST},
        {TEXT(TOKEN KEYS AEAD END), KE_BAD_REQUEST},
        {TEXT(TOKEN KEYS KEYS NEXT AEAD END), KE_BAD_REQUEST},
        {TEXT(TOKEN KEYS NEXT NEXT AEAD END), KE_BAD_REQUEST},
        {TEXT(TOKEN KEYS NEXT "\x80\x04\x00\x04\x00\x0f\x00\x0f" END), KE_BAD_REQUEST},
        {TEXT(TOKEN KEYS "\x80\x01\x00\x04\x00\x00\x80\x01" AEAD END), KE_BAD_REQUEST},
        {TEXT(TOKEN "\x80\x0c\x00\x00" NEXT AEAD END), KE_BAD_REQUEST},
        {TEXT(TOKEN
              "\x80\x0c\x00\x3f"
              "C2S-45678-12345678-12345678-1234S2C-45678-12345678-12345678-123" NEXT AEAD END),
         KE_BAD_REQUEST},
        {TEXT(TOKEN
              "\x80\x0c\x00\x41"
              "C2S-45678-12345678-12345678-1234S2C-45678-12345678-12345678-12345" NEXT AEAD END),
         KE_BAD_REQUEST},
        {TEXT(TOKEN "\x00\x09\x00\x00" END), KE_BAD_REQUEST}, // without the critical bit
        {TEXT(TOKEN KEEP NEXT AEAD END), KE_BAD_REQUEST},
        {TEXT(TOKEN KEEP END), KE_BAD_REQUEST},
        {TEXT(TOKEN KEEP KEEP PROTOCOLS END), KE_BAD_REQUEST},
        {TEXT(TOKEN PROTOCOLS "\x80\x02\x00\x02\x00\x00" END), KE_BAD_REQUEST},
        {TEXT(TOKEN PROTOCOLS "\x80\x0b\x00\x00" END), KE_UNRECOGNIZED_CRITICAL_RECORD},
        {TEXT(TOKEN PROTOCOLS PROTOCOLS "\xc0\x01\x00\x00" END), KE_UNRECOGNIZED_CRITICAL_RECORD},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct ke_pool_request r =
            ke_pool_read((const uint8_t *)wrong[i].octets, wrong[i].len);
        if (!r.refused || r.error != wrong[i].error)
            fail_msg("request %zu: refused %d, error %d", i, r.refused, (int)r.error);
    }
}

static void what_is_one(void **state)
{
    (void)state;
    static const char lists[] = TOKEN "\x80\x0a\x00\x02xx" PROTOCOLS KEEP DENY DENY
                                      "\x00\x0b\x00\x01y" END; // bodies are ignored
    struct ke_pool_request r = ke_pool_read((const uint8_t *)lists, sizeof lists - 1);
    assert_true(!r.refused && r.protocols && r.aeads && r.keep_alive && r.keys == NULL);
    static const char keys[] = KEYS AEAD NEXT TOKEN END;
    r = ke_pool_read((const uint8_t *)keys, sizeof keys - 1);
    assert_true(!r.refused && !r.protocols && !r.keep_alive && r.negotiation.ntpv4);
    assert_ptr_equal(r.keys, keys + 4);
    assert_int_equal(r.negotiation.aead->id, 15);
    static const char other[] = KEYS "\x80\x04\x00\x02\x00\x1e" NEXT TOKEN END;
    r = ke_pool_read((const uint8_t *)other, sizeof other - 1);
    assert_true(!r.refused && r.keys != NULL && r.negotiation.aead == NULL);
    static const char plain[] = TOKEN NEXT AEAD END;
    r = ke_pool_read((const uint8_t *)plain, sizeof plain - 1);
    assert_true(!r.refused && r.keys == NULL && !r.protocols && !r.aeads);
}

// KE-4: to all others records 8 to 14, and those of earlier drafts, are unknown.
static void unknown_to_others(void **state)
{
    (void)state;
    static const uint16_t types[] = {8,      9,      10,     11,     12,     13,    14,
                                     0x4000, 0x4001, 0x4002, 0x4003, 0x4004, 0x4005};
    for (size_t i = 0; i < 2 * sizeof types / sizeof types[0]; i++) {
        uint8_t request[64] = NEXT AEAD;
        uint8_t *at = request + 12;
        at = ke_record_put(at, types[i / 2] | (i % 2 ? KE_CRITICAL : 0), "body", 4);
        at = ke_record_put(at, KE_CRITICAL | KE_END_OF_MESSAGE, NULL, 0);
        const struct ke_negotiation n = ke_negotiate(request, (size_t)(at - request));
        assert_int_equal(n.refused, i % 2);
        if (n.refused)
            assert_int_equal(n.error, KE_UNRECOGNIZED_CRITICAL_RECORD);
        else
            assert_int_equal(n.aead->id, 15);
    }
}

static struct ke_server server;
static struct ke_tokens *tokens;

static int setup(void **state)
{
    (void)state;
    tokens = tokens_of(TEXT(TOKEN_TEXT "\n"));
    ke_server_open(&server, &(struct ke_server_options){.tokens = tokens, .kept_most = 2});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ke_server_check_sums(&server);
    assert_int_equal(atomic_load(&server.counters.kept), 0);
    ke_server_close(&server);
    ke_tokens_free(tokens);
    return 0;
}

static void open_client(struct ke_client *client)
{
    assert_true(ke_client_open(client, &server.address, &(struct ke_client_options){0}));
}

// One request, answered with these octets and the end of the connection.
static void expect(const char *request, size_t len, const char *answer, size_t answer_len)
{
    struct ke_client client;
    uint8_t got[4096];
    size_t got_len, first;
    open_client(&client);
    ke_client_send(&client, request, len);
    assert_int_equal(ke_client_receive(&client, got, sizeof got, &got_len, &first), ENDED_BY_FIN);
    assert_int_equal(got_len, answer_len);
    assert_memory_equal(got, answer, answer_len);
    ke_client_close(&client);
}

static void lists(void **state)
{
    (void)state;
    expect(TEXT(TOKEN PROTOCOLS AEADS END),
           TEXT("\x80\x09\x00\x02\x00\x00\x80\x0a\x00\x04\x00\x0f\x00\x20" END));
    expect(TEXT(AEADS TOKEN END), TEXT("\x80\x0a\x00\x04\x00\x0f\x00\x20" END));
    expect(TEXT(TOKEN PROTOCOLS PROTOCOLS END), TEXT(ERROR("\x01")));
    ke_server_await(&server, KE_POOL_LISTS, 2);
    ke_server_await(&server, KE_POOL_REFUSED, 1);
    ke_server_await(&server, KE_OF_POOL, 2);
    ke_server_await(&server, KE_ERRED_REQUEST, 1);
}

// KE-4: without a good token each record is an unknown one.
static void nobody_else(void **state)
{
    (void)state;
    expect(TEXT(PROTOCOLS END), TEXT(ERROR("\x00")));
    expect(TEXT(KEYS NEXT AEAD END), TEXT(ERROR("\x00")));
    ke_server_await(&server, KE_POOL_DENIED, 0);
    expect(TEXT("\x00\x0e\x00\x20"
                "0123456789abcdef0123456789abcdeg" KEYS NEXT AEAD END),
           TEXT(ERROR("\x00")));
    ke_server_await(&server, KE_POOL_DENIED, 1);
    struct ke_client client;
    uint8_t got[4096];
    size_t len, first;
    static const char *const ask[] = {NEXT AEAD END, NEXT AEAD KEEP DENY END};
    for (int i = 0; i < 2; i++) {
        open_client(&client);
        ke_client_send(&client, ask[i], i == 0 ? 16 : 16 + 4 + 13);
        assert_int_equal(ke_client_receive(&client, got, sizeof got, &len, &first), ENDED_BY_FIN);
        assert_int_equal(len, RESPONSE_LEN);
        ke_client_close(&client);
    }
    ke_server_await(&server, KE_COMPLETED, 2);
}

// Reads one message of a connection that stays.
static size_t read_message(struct ke_client *client, uint8_t got[4096])
{
    size_t len = 0;
    for (;;) {
        const int n = SSL_read(client->session, got + len, (int)(4096 - len));
        assert_true(n > 0);
        len += (size_t)n;
        if (len >= 4 && memcmp(got + len - 4, END, 4) == 0)
            return len;
    }
}

static void expect_session(struct ke_client *client, unsigned n, bool stays)
{
    char request[] = TOKEN KEYS NEXT AEAD KEEP END;
    uint8_t got[4096], keys[COOKIE_KEYS_LEN];
    const size_t at = sizeof TOKEN - 1 + 4;
    memcpy(request + at, &n, sizeof n); // each session has keys of its own
    ke_client_send(client, request, sizeof request - 1);
    const size_t len = read_message(client, got);
    assert_int_equal(len, RESPONSE_LEN + (stays ? 4 : 0));
    assert_memory_equal(got, NEXT AEAD, 12);
    for (int i = 0; i < KE_COOKIES; i++) {
        const uint8_t *cookie = got + 12 + i * 104 + 4;
        assert_true(cookie_open(&server.key, cookie, keys, sizeof keys));
        assert_memory_equal(keys, request + at, sizeof keys);
    }
    if (stays)
        assert_memory_equal(got + RESPONSE_LEN - 4, KEEP END, 8);
}

static void many_sessions_on_one_connection(void **state)
{
    (void)state;
    const char *number = getenv("NOONMARK_POOL_SESSIONS");
    const unsigned n = number != NULL ? (unsigned)atoi(number) : 100;
    struct ke_client client;
    open_client(&client);
    for (unsigned i = 0; i < n; i++)
        expect_session(&client, i, true);
    assert_int_equal(atomic_load(&server.counters.kept), 1);
    ke_client_send(&client, TEXT(TOKEN PROTOCOLS END)); // without Keep-Alive: the last one
    uint8_t got[4096];
    size_t len, first;
    assert_int_equal(ke_client_receive(&client, got, sizeof got, &len, &first), ENDED_BY_FIN);
    ke_client_close(&client);
    ke_server_await(&server, KE_POOL_SESSIONS, n);
    ke_server_await(&server, KE_OF_POOL, 1);
    ke_server_await(&server, KE_COMPLETED, 0);
}

// The third one is answered as well, and ends.
static void only_so_many_stay(void **state)
{
    (void)state;
    struct ke_client client[3];
    for (int i = 0; i < 3; i++) {
        open_client(&client[i]);
        expect_session(&client[i], 0, i < 2);
    }
    for (int i = 0; i < 3; i++)
        ke_client_close(&client[i]);
    ke_server_await_open(&server, 0);
    open_client(&client[0]);
    expect_session(&client[0], 0, true);
    ke_client_close(&client[0]);
    ke_server_await(&server, KE_OF_POOL, 4);
}

// Each request needs its token, and none gets keys of the connection.
static void each_request_is_as_the_first(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        size_t len;
        const char *answer;
    } then[] = {
        {TEXT(PROTOCOLS END), ERROR("\x00")},
        {TEXT(NEXT AEAD END), ERROR("\x01")},
        {TEXT(TOKEN NEXT AEAD END), ERROR("\x01")},
        {TEXT(TOKEN KEYS NEXT END), ERROR("\x01")},
    };
    for (size_t i = 0; i < sizeof then / sizeof then[0]; i++) {
        struct ke_client client;
        uint8_t got[4096];
        size_t len, first;
        open_client(&client);
        expect_session(&client, 0, true);
        ke_client_send(&client, then[i].request, then[i].len);
        assert_int_equal(ke_client_receive(&client, got, sizeof got, &len, &first), ENDED_BY_FIN);
        assert_int_equal(len, KE_ERROR_LEN);
        assert_memory_equal(got, then[i].answer, KE_ERROR_LEN);
        ke_client_close(&client);
    }
    // Two in one write: the first is answered, and the connection ends.
    struct ke_client client;
    uint8_t got[4096];
    open_client(&client);
    ke_client_send(&client, TEXT(TOKEN PROTOCOLS KEEP END TOKEN PROTOCOLS KEEP END));
    assert_int_equal(read_message(&client, got), 10);
    ke_client_close(&client);
}

static void an_idle_one_ends(void **state)
{
    (void)state;
    tokens = tokens_of(TEXT(TOKEN_TEXT "\n"));
    ke_server_open(&server, &(struct ke_server_options){.tokens = tokens, .idle_ms = 100});
    struct ke_client client;
    uint8_t got[4096];
    size_t len, first;
    open_client(&client);
    expect_session(&client, 0, true);
    assert_int_equal(ke_client_receive(&client, got, sizeof got, &len, &first), ENDED_BY_FIN);
    assert_int_equal(len, 0);
    ke_client_close(&client);
    ke_server_await(&server, KE_OF_POOL, 1);
}

// A request that has begun has the time of any other exchange.
static void a_late_request_ends(void **state)
{
    (void)state;
    tokens = tokens_of(TEXT(TOKEN_TEXT "\n"));
    ke_server_open(&server, &(struct ke_server_options){.tokens = tokens, .deadline_ms = 300});
    struct ke_client client;
    uint8_t got[4096];
    size_t len, first;
    open_client(&client);
    expect_session(&client, 0, true);
    ke_client_send(&client, TEXT(TOKEN));
    assert_int_equal(ke_client_receive(&client, got, sizeof got, &len, &first), ENDED_BY_FIN);
    assert_int_equal(len, KE_ERROR_LEN);
    assert_memory_equal(got, ERROR("\x01"), KE_ERROR_LEN);
    ke_client_close(&client);
    ke_server_await(&server, KE_LATE_REQUEST, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_compared_whole),
        cmocka_unit_test(a_wrong_file_names_its_line),
        cmocka_unit_test(what_is_no_request),
        cmocka_unit_test(what_is_one),
        cmocka_unit_test(unknown_to_others),
        cmocka_unit_test_setup_teardown(lists, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_else, setup, teardown),
        cmocka_unit_test_setup_teardown(many_sessions_on_one_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(only_so_many_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(each_request_is_as_the_first, setup, teardown),
        cmocka_unit_test_teardown(an_idle_one_ends, teardown),
        cmocka_unit_test_teardown(a_late_request_ends, teardown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("control/ke/ke_pool", tests, NULL, NULL);
}
