// Which member is asked, and again when; when a new token is asked for. The answers are a script's:
// post_send is wrapped.
#include "etcd/members.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEADER "\"header\":{\"revision\":\"9\"}"
#define EMPTY "{" HEADER "}"
#define TOKEN(x) "{" HEADER ",\"token\":\"" x "\"}"
#define BAD_TOKEN "{\"error\":\"etcdserver: invalid auth token\",\"code\":16}"

enum { MS = 1000000 };

// What happens to the next requests, in their order. body NULL: no answer.
static struct {
    long status;
    const char *body;
} script[16];
static int n_script, n_asked;
static char asked[16][128]; // the URL, and the token
static bool of_one[16];     // any member may answer by itself

bool __wrap_post_send(struct post *post, const char *url, const char *token, const char *body,
                      struct post_answer *answer, char why[GATEWAY_WHY_MAX]);
bool __wrap_post_send(struct post *post, const char *url, const char *token, const char *body,
                      struct post_answer *answer, char why[GATEWAY_WHY_MAX])
{
    (void)post;
    assert_non_null(body);
    assert_true(n_asked < n_script);
    snprintf(asked[n_asked], sizeof asked[0], "%s %s", url, token);
    of_one[n_asked] = strstr(body, "\"serializable\":true") != NULL;
    const char *text = script[n_asked].body;
    answer->status = script[n_asked++].status;
    if (text == NULL) {
        snprintf(why, GATEWAY_WHY_MAX, "no route");
        return false;
    }
    answer->len = strlen(text);
    memcpy(answer->body, text, answer->len);
    return true;
}

static void expect(long status, const char *body)
{
    script[n_script].status = status;
    script[n_script++].body = body;
}

static struct members_terms terms = {
    .n_endpoints = 3,
    .endpoint = {"https://a", "https://b", "https://c"},
    .key = "/k",
    .trust = {.ca = "", .cert = "", .cert_key = ""},
    .user = "",
    .password = "",
    .hurried = true,
};
static struct members *members;
static struct gateway_range range;
static char why[GATEWAY_WHY_MAX];

static int begin(void **state)
{
    (void)state;
    n_script = n_asked = 0;
    terms.user = "";
    terms.hurried = true;
    members = members_open(&terms);
    return members == NULL;
}

static int end(void **state)
{
    (void)state;
    members_close(members);
    return 0;
}

static bool reads(uint64_t now_ms)
{
    return members_read(members, now_ms * MS, &range, why);
}

static void the_one_that_answers_is_asked_again(void **state)
{
    (void)state;
    expect(0, NULL);
    expect(200, EMPTY);
    expect(200, EMPTY);
    assert_true(reads(1000));
    assert_string_equal(asked[0], "https://a/v3/kv/range ");
    assert_string_equal(asked[1], "https://b/v3/kv/range ");
    assert_int_equal(members_endpoint(members), 1);
    assert_true(reads(1000));
    assert_string_equal(asked[2], "https://b/v3/kv/range ");
    assert_int_equal(members_counts(members)->failed[MEMBERS_UNREACHED], 1);
}

static void one_that_failed_is_left_alone_for_longer_each_time(void **state)
{
    (void)state;
    uint64_t now_ms = 1000;
    for (uint64_t wait_ms = MEMBERS_RETRY_MS; wait_ms <= 2 * MEMBERS_RETRY_MOST_MS; wait_ms *= 2) {
        const uint64_t waits_ms = wait_ms < MEMBERS_RETRY_MOST_MS ? wait_ms : MEMBERS_RETRY_MOST_MS;
        n_script = n_asked = 0;
        for (int i = 0; i < 3; i++)
            expect(503, "{\"error\":\"etcdserver: no leader\",\"code\":14}");
        assert_false(reads(now_ms));
        assert_int_equal(n_asked, 3);
        assert_string_equal(why, "etcdserver: no leader");
        assert_false(reads(now_ms + waits_ms - 1)); // nobody is asked
        assert_string_equal(why, "");
        now_ms += waits_ms;
    }
    n_script = n_asked = 0;
    expect(200, EMPTY);
    assert_true(reads(now_ms)); // and forgiven after an answer
    expect(0, NULL);
    expect(0, NULL);
    expect(200, EMPTY);
    assert_true(reads(now_ms));
    assert_int_equal(n_asked, 4);
}

#define NO_LEADER "{\"error\":\"etcdserver: no leader\",\"code\":14}"

// A member that is cut off from the others would say the same for ever (F4).
static void what_a_quorum_knows_is_asked_for(void **state)
{
    (void)state;
    expect(200, EMPTY);
    assert_true(reads(1000));
    assert_true(of_one[0]); // the first answer, for which a start waits
    expect(503, NO_LEADER);
    expect(200, EMPTY);
    assert_true(reads(1000));
    assert_false(of_one[1] || of_one[2]);
    assert_int_equal(members_endpoint(members), 1);
    expect(200, EMPTY);
    assert_true(reads(1000));
    assert_false(of_one[3]);
    assert_string_equal(asked[3], "https://b/v3/kv/range ");
}

// Nobody can write then, so that what a member has by itself is as new as it can be (F13).
static void without_a_quorum_a_member_is_good_enough(void **state)
{
    (void)state;
    terms.hurried = false;
    for (int i = 0; i < 3; i++)
        expect(503, NO_LEADER);
    expect(200, EMPTY);
    assert_true(reads(1000));
    assert_false(of_one[0] || of_one[1] || of_one[2]);
    assert_true(of_one[3]);
    expect(200, EMPTY);
    assert_true(reads(1000 + MEMBERS_RETRY_MS - 1)); // a quorum is waited for
    assert_true(of_one[4]);
    expect(200, EMPTY);
    assert_true(reads(1000 + MEMBERS_RETRY_MS));
    assert_false(of_one[5]);
    assert_int_equal(n_asked, 6);
}

static void a_token_is_asked_for_once_and_kept(void **state)
{
    (void)state;
    terms.user = "noonmark";
    expect(200, TOKEN("t1"));
    expect(200, EMPTY);
    expect(200, EMPTY);
    assert_true(reads(1000));
    assert_string_equal(asked[0], "https://a/v3/auth/authenticate ");
    assert_string_equal(asked[1], "https://a/v3/kv/range t1");
    assert_true(reads(1000));
    assert_string_equal(asked[2], "https://a/v3/kv/range t1");
}

static void a_token_that_has_ended_is_replaced(void **state)
{
    (void)state;
    terms.user = "noonmark";
    expect(200, TOKEN("t1"));
    expect(200, EMPTY);
    assert_true(reads(1000));
    expect(401, BAD_TOKEN);
    expect(200, TOKEN("t2"));
    expect(200, EMPTY);
    assert_true(reads(2000));
    assert_string_equal(asked[2], "https://a/v3/kv/range t1");
    assert_string_equal(asked[4], "https://a/v3/kv/range t2");
    assert_int_equal(members_counts(members)->failed[MEMBERS_REFUSED], 0);
}

// A member that refuses each token is no endless loop.
static void a_fresh_token_is_not_replaced(void **state)
{
    (void)state;
    terms.user = "noonmark";
    for (int i = 0; i < 3; i++) {
        expect(200, TOKEN("t"));
        expect(401, BAD_TOKEN);
        if (i < 2) // the next member gets the token that is there
            expect(401, BAD_TOKEN);
    }
    assert_false(reads(1000));
    assert_true(n_asked <= 8);
    assert_int_equal(members_counts(members)->failed[MEMBERS_REFUSED], 3);
}

static void a_wrong_password_is_a_refusal(void **state)
{
    (void)state;
    terms.user = "noonmark";
    for (int i = 0; i < 3; i++)
        expect(400, "{\"error\":\"etcdserver: authentication failed, invalid user ID or password\","
                    "\"code\":3}");
    assert_false(reads(1000));
    assert_int_equal(n_asked, 3);
    assert_int_equal(members_counts(members)->failed[MEMBERS_REFUSED], 3);
}

static void a_write_says_whether_it_was_the_first(void **state)
{
    (void)state;
    bool written = true;
    expect(200, EMPTY);
    expect(200, "{" HEADER ",\"succeeded\":true}");
    assert_true(members_write(members, 1000 * MS, 8, (const uint8_t *)"v", 1, &written, why));
    assert_false(written);
    assert_true(members_write(members, 1000 * MS, 9, (const uint8_t *)"v", 1, &written, why));
    assert_true(written);
    assert_string_equal(asked[0], "https://a/v3/kv/txn ");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_one_that_answers_is_asked_again, begin, end),
        cmocka_unit_test_setup_teardown(one_that_failed_is_left_alone_for_longer_each_time, begin,
                                        end),
        cmocka_unit_test_setup_teardown(what_a_quorum_knows_is_asked_for, begin, end),
        cmocka_unit_test_setup_teardown(without_a_quorum_a_member_is_good_enough, begin, end),
        cmocka_unit_test_setup_teardown(a_token_is_asked_for_once_and_kept, begin, end),
        cmocka_unit_test_setup_teardown(a_token_that_has_ended_is_replaced, begin, end),
        cmocka_unit_test_setup_teardown(a_fresh_token_is_not_replaced, begin, end),
        cmocka_unit_test_setup_teardown(a_wrong_password_is_a_refusal, begin, end),
        cmocka_unit_test_setup_teardown(a_write_says_whether_it_was_the_first, begin, end),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
