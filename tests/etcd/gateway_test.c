// What etcd's gateway says, in the shapes of 3.4, 3.5 and 3.6, and what no etcd would say.
#include "etcd/gateway.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct gateway_range range;
static char why[GATEWAY_WHY_MAX];

#define HEADER                                                                                     \
    "\"header\":{\"cluster_id\":\"14841639068965178418\",\"member_id\":\"10276657743932975437\","  \
    "\"revision\":\"12\",\"raft_term\":\"2\"}"

static enum gateway_result hear(long status, const char *body)
{
    return gateway_hear_range(status, body, strlen(body), "/fleet", &range, why);
}

// What follows the kvs's key "/fleet".
static enum gateway_result hear_pair(const char *rest)
{
    char body[1024];
    snprintf(body, sizeof body, "{" HEADER ",\"kvs\":[{\"key\":\"L2ZsZWV0\"%s}],\"count\":\"1\"}",
             rest);
    return hear(200, body);
}

static void requests_are_as_etcd_wants_them(void **state)
{
    (void)state;
    char *body = gateway_ask_range("/fleet", true);
    assert_string_equal(body, "{\"key\":\"L2ZsZWV0\",\"serializable\":true}");
    free(body);
    body = gateway_ask_range("/fleet", false);
    assert_string_equal(body, "{\"key\":\"L2ZsZWV0\",\"serializable\":false}");
    free(body);
    body = gateway_ask_txn("/fleet", 9007199254740993, (const uint8_t *)"\x01\x00\xff", 3);
    assert_string_equal(body, "{\"compare\":[{\"key\":\"L2ZsZWV0\",\"target\":\"MOD\",\"result\":"
                              "\"EQUAL\",\"mod_revision\":\"9007199254740993\"}],\"success\":[{"
                              "\"request_put\":{\"key\":\"L2ZsZWV0\",\"value\":\"AQD/\"}}]}");
    free(body);
    body = gateway_ask_token("a\"b", "p\\w");
    assert_string_equal(body, "{\"name\":\"a\\\"b\",\"password\":\"p\\\\w\"}");
    free(body);
}

static void numbers_are_strings_or_absent(void **state)
{
    (void)state;
    assert_int_equal(hear_pair(",\"create_revision\":\"2\",\"mod_revision\":\"9007199254740993\","
                               "\"version\":\"3\",\"value\":\"AQD/\""),
                     GATEWAY_GOOD);
    assert_true(range.found && range.len == 3 && range.revision == 12);
    assert_true(range.mod_revision == 9007199254740993); // beyond a double
    assert_memory_equal(range.value, "\x01\x00\xff", 3);
    assert_int_equal(hear_pair(",\"mod_revision\":7"), GATEWAY_GOOD); // an empty value is absent
    assert_true(range.found && range.len == 0 && range.mod_revision == 7);
}

static void an_absent_key_is_no_error(void **state)
{
    (void)state;
    assert_int_equal(hear(200, "{" HEADER "}"), GATEWAY_GOOD); // neither kvs nor count
    assert_false(range.found);
    assert_true(range.mod_revision == 0 && range.revision == 12);
    assert_int_equal(hear(200, "{\"header\":{},\"kvs\":[]}"), GATEWAY_GOOD);
    assert_true(range.revision == 0 && !range.found);
}

static void what_no_etcd_says_is_refused(void **state)
{
    (void)state;
    static const char *const rest[] = {
        "",
        ",\"mod_revision\":\"0\"",
        ",\"mod_revision\":\"-4\"",
        ",\"mod_revision\":\"4x\"",
        ",\"mod_revision\":\"99999999999999999999\"",
        ",\"mod_revision\":\"\"",
        ",\"mod_revision\":\"4\",\"value\":\"AQD\"",
        ",\"mod_revision\":\"4\",\"value\":\"A D/\"",
        ",\"mod_revision\":\"4\",\"value\":\"AQ=/\"",
        ",\"mod_revision\":\"4\",\"value\":5",
        ",\"mod_revision\":\"4\",\"mod_revision\":\"5\"",
    };
    static const char *const body[] = {
        "",
        "<html>504</html>",
        "[]",
        "null",
        "{}",
        "{\"header\":3}",
        "{" HEADER ",\"kvs\":3}",
        "{" HEADER ",\"kvs\":[3]}",
        "{" HEADER,
        "{" HEADER ",\"kvs\":[{\"key\":\"L290aGVy\",\"mod_revision\":\"4\"}]}",
        "{" HEADER ",\"kvs\":[{\"key\":\"L2ZsZWV0\",\"mod_revision\":\"4\"},{}]}",
    };
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
        assert_int_equal(hear_pair(rest[i]), GATEWAY_STRANGE);
    for (size_t i = 0; i < sizeof body / sizeof body[0]; i++)
        assert_int_equal(hear(200, body[i]), GATEWAY_STRANGE);
}

// A value that is longer than a document can be does not fit, and does no harm.
static void a_value_that_is_too_long_is_refused(void **state)
{
    (void)state;
    enum { LEN = GATEWAY_ANSWER_MAX };
    static char rest[LEN + 64], body[LEN + 512];
    int n = sprintf(rest, ",\"mod_revision\":\"4\",\"value\":\"");
    memset(rest + n, 'A', LEN);
    strcpy(rest + n + LEN, "\"");
    sprintf(body, "{" HEADER ",\"kvs\":[{\"key\":\"L2ZsZWV0\"%s}]}", rest);
    assert_int_equal(hear(200, body), GATEWAY_STRANGE);
}

static void errors_of_each_version(void **state)
{
    (void)state;
    // 3.4 and 3.5 (grpc-gateway 1)
    assert_int_equal(hear(401,
                          "{\"error\":\"etcdserver: invalid auth token\",\"message\":\"etcdserver: "
                          "invalid auth token\",\"code\":16}"),
                     GATEWAY_TOKEN);
    assert_string_equal(why, "etcdserver: invalid auth token");
    assert_int_equal(
        hear(400, "{\"error\":\"etcdserver: user name is empty\",\"message\":\"etcdserver: user "
                  "name is empty\",\"code\":3}"),
        GATEWAY_TOKEN);
    assert_int_equal(
        hear(400, "{\"error\":\"etcdserver: revision of auth store is old\",\"code\":3}"),
        GATEWAY_TOKEN);
    assert_int_equal(hear(403,
                          "{\"error\":\"etcdserver: permission denied\",\"code\":7,\"message\":"
                          "\"etcdserver: permission denied\"}"),
                     GATEWAY_REFUSED);
    assert_int_equal(hear(503,
                          "{\"error\":\"etcdserver: request timed out\",\"code\":14,\"message\":"
                          "\"etcdserver: request timed out\"}"),
                     GATEWAY_AWAY);
    assert_int_equal(hear(400,
                          "{\"error\":\"CommonName of client sending a request against gateway "
                          "will be ignored and not used as expected\",\"code\":3}"),
                     GATEWAY_REFUSED);
    // 3.6 (grpc-gateway 2)
    assert_int_equal(
        hear(401, "{\"code\":16, \"message\":\"etcdserver: invalid auth token\", \"details\":[]}"),
        GATEWAY_TOKEN);
    assert_int_equal(
        hear(503, "{\"code\":14, \"message\":\"etcdserver: no leader\", \"details\":[]}"),
        GATEWAY_AWAY);
    assert_int_equal(
        hear(403, "{\"code\":7, \"message\":\"etcdserver: permission denied\", \"details\":[]}"),
        GATEWAY_REFUSED);
    assert_int_equal(hear(400,
                          "{\"code\":9, \"message\":\"etcdserver: authentication is not enabled\", "
                          "\"details\":[]}"),
                     GATEWAY_REFUSED);
    // An error may come with HTTP's status 200 in a stream's shape.
    assert_int_equal(hear(200, "{\"error\":\"etcdserver: no leader\",\"code\":14}"), GATEWAY_AWAY);
    // Not etcd's own: a proxy between, or a wrong path.
    assert_int_equal(hear(404, "404 page not found\n"), GATEWAY_STRANGE);
    assert_int_equal(hear(401, ""), GATEWAY_TOKEN);
    assert_int_equal(hear(502, "{\"message\":\"a\\u001b[2Jb\",\"code\":14}"), GATEWAY_AWAY);
    assert_string_equal(why, "a [2Jb");
}

static void a_transaction_says_whether_it_was_the_first(void **state)
{
    (void)state;
    static const char good[] =
        "{" HEADER ",\"succeeded\":true,\"responses\":[{\"response_put\":{}}]}";
    static const char lost[] = "{" HEADER "}"; // false is absent
    bool written = false;
    assert_int_equal(gateway_hear_txn(200, good, strlen(good), &written, why), GATEWAY_GOOD);
    assert_true(written);
    assert_int_equal(gateway_hear_txn(200, lost, strlen(lost), &written, why), GATEWAY_GOOD);
    assert_false(written);
    static const char odd[] = "{" HEADER ",\"succeeded\":\"yes\"}";
    assert_int_equal(gateway_hear_txn(200, odd, strlen(odd), &written, why), GATEWAY_STRANGE);
}

static void a_token_becomes_a_header_and_is_judged(void **state)
{
    (void)state;
    char token[GATEWAY_TOKEN_MAX];
    static const char good[] = "{" HEADER ",\"token\":\"PKGyPzBGoDmaijoR.13\"}";
    assert_int_equal(gateway_hear_token(200, good, strlen(good), token, why), GATEWAY_GOOD);
    assert_string_equal(token, "PKGyPzBGoDmaijoR.13");
    static const char *const bad[] = {"{" HEADER "}", "{" HEADER ",\"token\":\"\"}",
                                      "{" HEADER ",\"token\":\"a\\r\\nX: y\"}",
                                      "{" HEADER ",\"token\":4}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(gateway_hear_token(200, bad[i], strlen(bad[i]), token, why),
                         GATEWAY_STRANGE);
    static const char no[] = "{\"error\":\"etcdserver: authentication failed, invalid user ID or "
                             "password\",\"code\":3}";
    assert_int_equal(gateway_hear_token(400, no, strlen(no), token, why), GATEWAY_REFUSED);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_as_etcd_wants_them),
        cmocka_unit_test(numbers_are_strings_or_absent),
        cmocka_unit_test(an_absent_key_is_no_error),
        cmocka_unit_test(what_no_etcd_says_is_refused),
        cmocka_unit_test(a_value_that_is_too_long_is_refused),
        cmocka_unit_test(errors_of_each_version),
        cmocka_unit_test(a_transaction_says_whether_it_was_the_first),
        cmocka_unit_test(a_token_becomes_a_header_and_is_judged),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
