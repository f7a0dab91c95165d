// Each type of wrong reply has its counter, and no other counter changes. The load is real; the
// server is the lab's.
#include "tests/perf/load/lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { AT_SEAL = 48 + 36, AT_NONCE = AT_SEAL + 8, AT_TAG = AT_NONCE + 16, LEN = 228 };

struct row {
    const char *what;
    enum lie lie;
    unsigned octet;
    enum tally_item item;
    bool stray; // it belongs to no request, which is lost then
};

static const struct row nts_rows[] = {
    {"version", LIE_FLIP, 0, TALLY_WRONG_HEADER, false},
    {"precision", LIE_FLIP, 3, TALLY_WRONG_TAG, false},
    {"root delay", LIE_FLIP, 7, TALLY_WRONG_TAG, false},
    {"root dispersion", LIE_FLIP, 11, TALLY_WRONG_TAG, false},
    {"reference id", LIE_FLIP, 15, TALLY_WRONG_TAG, false},
    {"reference time", LIE_FLIP, 23, TALLY_WRONG_TAG, false},
    {"origin, its random half", LIE_FLIP, 24, TALLY_WRONG_ORIGIN, true},
    {"origin, its place", LIE_FLIP, 31, TALLY_WRONG_ORIGIN, true},
    {"receive", LIE_FLIP, 39, TALLY_WRONG_TAG, false},
    {"transmit", LIE_FLIP, 47, TALLY_WRONG_TAG, false},
    {"identifier's type", LIE_FLIP, 48, TALLY_WRONG_IDENTIFIER, false},
    {"identifier's length", LIE_FLIP, 51, TALLY_WRONG_TRUNCATED, false},
    {"identifier's first octet", LIE_FLIP, 52, TALLY_WRONG_IDENTIFIER, false},
    {"identifier's last octet", LIE_FLIP, AT_SEAL - 1, TALLY_WRONG_IDENTIFIER, false},
    {"authenticator's type", LIE_FLIP, AT_SEAL, TALLY_WRONG_UNAUTHENTICATED, false},
    {"authenticator's length", LIE_FLIP, AT_SEAL + 3, TALLY_WRONG_TRUNCATED, false},
    {"nonce's length", LIE_FLIP, AT_SEAL + 5, TALLY_WRONG_TRUNCATED, false},
    {"ciphertext's length", LIE_FLIP, AT_SEAL + 6, TALLY_WRONG_TRUNCATED, false},
    {"nonce", LIE_FLIP, AT_NONCE, TALLY_WRONG_TAG, false},
    {"nonce's last octet", LIE_FLIP, AT_TAG - 1, TALLY_WRONG_TAG, false},
    {"tag", LIE_FLIP, AT_TAG, TALLY_WRONG_TAG, false},
    {"tag's last octet", LIE_FLIP, AT_TAG + 15, TALLY_WRONG_TAG, false},
    {"ciphertext", LIE_FLIP, AT_TAG + 16, TALLY_WRONG_TAG, false},
    {"ciphertext's last octet", LIE_FLIP, LEN - 1, TALLY_WRONG_TAG, false},
    {"nothing", LIE_CUT, 0, TALLY_WRONG_LENGTH, true},
    {"less than a header", LIE_CUT, 44, TALLY_WRONG_LENGTH, true},
    {"no multiple of four", LIE_CUT, LEN - 1, TALLY_WRONG_LENGTH, true},
    {"the header alone", LIE_CUT, 48, TALLY_WRONG_UNAUTHENTICATED, false},
    {"the identifier alone", LIE_CUT, AT_SEAL, TALLY_WRONG_UNAUTHENTICATED, false},
    {"without its last octets", LIE_CUT, LEN - 4, TALLY_WRONG_TRUNCATED, false},
    {"four more octets", LIE_GROW, 4, TALLY_WRONG_LENGTH, false},
    {"one more octet", LIE_GROW, 1, TALLY_WRONG_LENGTH, true},
    {"to another endpoint", LIE_ASTRAY, 0, TALLY_WRONG_MISDIRECTED, false},
    {"a kiss that is nobody's", LIE_KISS_BARE, 0, TALLY_WRONG_IDENTIFIER, false},
    {"short cookies", LIE_SHORT_COOKIES, 0, TALLY_WRONG_COOKIES, false},
    {"a cookie too many", LIE_ONE_MORE, 0, TALLY_WRONG_LENGTH, false},
    {"no cookie", LIE_NO_COOKIE, 0, TALLY_WRONG_COOKIES, false},
    {"another field for a cookie", LIE_NO_COOKIE_FIELDS, 0, TALLY_WRONG_COOKIES, false},
    {"receive 0", LIE_NO_RECEIVE, 0, TALLY_WRONG_TIME, false},
    {"transmit 0", LIE_NO_TRANSMIT, 0, TALLY_WRONG_TIME, false},
    {"transmit before receive", LIE_BACKWARDS, 0, TALLY_WRONG_TIME, false},
    {"no seal", LIE_UNSEALED, 0, TALLY_WRONG_UNAUTHENTICATED, false},
    {"sealed under C2S", LIE_WRONG_KEY, 0, TALLY_WRONG_TAG, false},
    {"another's identifier", LIE_OTHER_UID, 0, TALLY_WRONG_IDENTIFIER, false},
    {"silence", LIE_SILENCE, 0, TALLY_LOST, false},
    {"too late", LIE_LATE, 0, TALLY_LATE, false},
    {"late to another endpoint", LIE_LATE_ASTRAY, 0, TALLY_WRONG_MISDIRECTED, false},
};

static const struct row plain_rows[] = {
    {"version", LIE_FLIP, 0, TALLY_WRONG_HEADER, false},
    {"origin", LIE_FLIP, 24, TALLY_WRONG_ORIGIN, true},
    {"less than a header", LIE_CUT, 44, TALLY_WRONG_LENGTH, true},
    {"four more octets", LIE_GROW, 4, TALLY_WRONG_LENGTH, false},
    {"to another endpoint", LIE_ASTRAY, 0, TALLY_WRONG_MISDIRECTED, false},
    {"receive 0", LIE_NO_RECEIVE, 0, TALLY_WRONG_TIME, false},
    {"transmit 0", LIE_NO_TRANSMIT, 0, TALLY_WRONG_TIME, false},
    {"transmit before receive", LIE_BACKWARDS, 0, TALLY_WRONG_TIME, false},
    {"silence", LIE_SILENCE, 0, TALLY_LOST, false},
    {"too late", LIE_LATE, 0, TALLY_LATE, false},
    {"late to another endpoint", LIE_LATE_ASTRAY, 0, TALLY_WRONG_MISDIRECTED, false},
};

// Counters but those that a right reply moves, too.
static void nothing_else(const struct lab *lab, const char *what, enum tally_item item,
                         enum tally_item other)
{
    for (unsigned i = 0; i < TALLY_ITEMS; i++) {
        bool of_right = i == TALLY_SENT || i == TALLY_ANSWERED || i == TALLY_VERIFIED ||
                        i == TALLY_COOKIES || tally_rows[i].group == TALLY_OF_UNSENT;
        uint64_t n = lab->flow[0].tally.count[i] + lab->load.stray.count[i];
        if (!of_right && i != item && i != other && n != 0)
            fail_msg("%s: %llu %s", what, (unsigned long long)n, tally_rows[i].text);
    }
}

static void tell(const struct row *row, uint32_t cookie_len)
{
    struct lab *lab = lab_open(64, 4, cookie_len);
    lab->lie = row->lie;
    lab->octet = row->octet;
    lab->kiss = 0x52415445;
    lab->every = 5;
    lab->until = 200; // so that jars do not run dry, and what is late finds the load at work
    lab->load.plan.placeholders = 0;
    lab_run(lab, 5000, 120, 100);
    uint64_t told = row->stray ? lab->load.stray.count[row->item] : lab_count(lab, row->item);
    if (lab->n_lies == 0 || told + lab->n_left != lab->n_lies)
        fail_msg("%s: %u lies, %llu of %s", row->what, lab->n_lies, (unsigned long long)told,
                 tally_rows[row->item].text);
    if (row->item != TALLY_LOST)
        assert_int_equal(lab_count(lab, TALLY_LOST), row->stray ? lab->n_lies : lab->n_left);
    assert_int_equal(lab_count(lab, TALLY_ANSWERED), lab_count(lab, TALLY_SENT) - lab->n_lies);
    nothing_else(lab, row->what, row->item, TALLY_LOST);
    lab_close(lab);
}

static void to_nts_requests(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof nts_rows / sizeof *nts_rows; i++)
        tell(&nts_rows[i], 100);
}

static void to_plain_requests(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof plain_rows / sizeof *plain_rows; i++)
        tell(&plain_rows[i], 0);
}

// A second reply decides nothing, in the same burst or long after.
static void repeated(void **state)
{
    (void)state;
    for (unsigned later = 0; later < 2; later++)
        for (unsigned nts = 0; nts < 2; nts++) {
            struct lab *lab = lab_open(64, 1, nts ? 100 : 0);
            lab->lie = later ? LIE_AGAIN_LATER : LIE_AGAIN;
            lab->until = 300;
            lab_run(lab, 5000, 100, 100);
            assert_true(lab->n_lies > 0);
            assert_int_equal(lab_count(lab, TALLY_WRONG_DUPLICATE) + lab->n_left, lab->n_lies);
            assert_int_equal(lab_count(lab, TALLY_ANSWERED), lab_count(lab, TALLY_SENT));
            nothing_else(lab, "repeated", TALLY_WRONG_DUPLICATE, TALLY_WRONG_DUPLICATE);
            lab_close(lab);
        }
}

// The origin of a request before, which has its answer or is about to get it: another's
// identifier, or a duplicate. The request that it was an answer to is lost.
static void stale_origin(void **state)
{
    (void)state;
    struct lab *lab = lab_open(64, 1, 100);
    lab->lie = LIE_STALE;
    lab->until = 300;
    lab_run(lab, 5000, 100, 100);
    assert_true(lab->n_lies > 0);
    assert_int_equal(lab_count(lab, TALLY_WRONG_DUPLICATE), lab->n_lies);
    assert_int_equal(lab_count(lab, TALLY_LOST), lab->n_lies);
    nothing_else(lab, "stale", TALLY_WRONG_DUPLICATE, TALLY_LOST);
    lab_close(lab);
}

static void kisses(void **state)
{
    (void)state;
    static const struct {
        uint32_t code;
        enum tally_item item;
    } rows[] = {{0x52415445, TALLY_KISS_RATE},
                {0x44454e59, TALLY_KISS_DENY},
                {0x52535452, TALLY_KISS_RSTR},
                {0x58585858, TALLY_KISS_OTHER}};
    for (unsigned i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        struct lab *lab = lab_open(64, 1, i % 2 ? 100 : 0);
        lab->lie = LIE_KISS;
        lab->kiss = rows[i / 2].code;
        lab->until = 300;
        lab_run(lab, 5000, 80, 100);
        assert_true(lab->n_lies > 0);
        assert_int_equal(lab_count(lab, rows[i / 2].item), lab->n_lies);
        nothing_else(lab, "kiss", rows[i / 2].item, rows[i / 2].item);
        lab_close(lab);
    }
}

// The expected reply to a forged request is a NAK, which is no loss; a time is a wrong reply.
static void forged_requests(void **state)
{
    (void)state;
    static const enum flow_kind kinds[] = {FLOW_BAD_TAG, FLOW_UNKNOWN_KEY};
    for (unsigned i = 0; i < 4; i++) {
        bool lies = i % 2;
        struct lab *lab = lab_open(64, 4, 100);
        lab_flow(lab, kinds[i / 2], 1);
        lab->lie = lies ? LIE_GENUINE : LIE_NONE;
        lab->supply_room = 64;
        lab_run(lab, 10000, 80, 100);
        const uint64_t *count = lab->flow[1].tally.count;
        assert_true(count[TALLY_SENT] > 0);
        assert_int_equal(kinds[i / 2] == FLOW_BAD_TAG ? lab->n_bad_tag : lab->n_unknown,
                         count[TALLY_SENT]);
        assert_int_equal(count[TALLY_NAK], lies ? 0 : count[TALLY_SENT]);
        assert_int_equal(count[TALLY_WRONG_FORGERY], lies ? count[TALLY_SENT] : 0);
        assert_int_equal(count[TALLY_ANSWERED], 0);
        assert_int_equal(lab->n_session_requests,
                         0); // the clients' own cookies are as good as before
        assert_int_equal(lab_count(lab, TALLY_ANSWERED), lab_count(lab, TALLY_SENT));
        nothing_else(lab, "forged", TALLY_SENT, TALLY_SENT);
        lab_close(lab);
    }
}

// A forged request that is answered too late is answered all the same.
static void forged_and_late(void **state)
{
    (void)state;
    struct lab *lab = lab_open(64, 1, 100);
    lab->load.n_flows = 0;
    lab_flow(lab, FLOW_BAD_TAG, 1);
    lab_flow(lab, FLOW_PLAIN, 1); // so that the load is at work when they come
    lab->lie = LIE_GENUINE;
    lab->delay_ns = 60000000;
    lab_run(lab, 2000, 200, 20);
    const uint64_t *count = lab->flow[0].tally.count;
    assert_true(count[TALLY_WRONG_FORGERY] > 0);
    assert_int_equal(count[TALLY_LATE], 0);
    assert_int_equal(count[TALLY_WRONG_FORGERY] + count[TALLY_LOST], count[TALLY_SENT]);
    lab_close(lab);
}

static void garbage(void **state)
{
    (void)state;
    for (unsigned lies = 0; lies < 2; lies++) {
        struct lab *lab = lab_open(64, 1, 100);
        lab_flow(lab, FLOW_GARBAGE, 1);
        lab->lie = lies ? LIE_GENUINE : LIE_NONE;
        lab_run(lab, 10000, 60, 100);
        const uint64_t *count = lab->flow[1].tally.count;
        assert_int_equal(lab->n_garbage, count[TALLY_SENT]);
        assert_int_equal(count[TALLY_ANSWERED], lies ? count[TALLY_SENT] : 0);
        assert_int_equal(count[TALLY_LOST] + count[TALLY_OPEN], 0); // silence is right
        assert_int_equal(tally_sum(&lab->load.stray, TALLY_OF_WRONG), 0);
        nothing_else(lab, "garbage", TALLY_SENT, TALLY_SENT);
        lab_close(lab);
    }
}

// No replies to a flood are expected; if they come, they are not wrong replies.
static void a_floods_replies(void **state)
{
    (void)state;
    struct lab *lab = lab_open(64, 4, 100);
    lab_flow(lab, FLOW_FLOOD, 3);
    lab_run(lab, 10000, 60, 100);
    assert_int_equal(lab->n_plain, lab->flow[1].tally.count[TALLY_SENT]);
    assert_int_equal(lab->n_plain, lab->flow[1].tally.count[TALLY_ANSWERED]);
    assert_true(lab->n_plain > 0);
    assert_int_equal(lab_count(lab, TALLY_ANSWERED), lab_count(lab, TALLY_SENT));
    assert_int_equal(tally_sum(&lab->flow[1].tally, TALLY_OF_WRONG), 0);
    nothing_else(lab, "flood", TALLY_SENT, TALLY_SENT);
    lab_close(lab);
}

static void a_replay(void **state)
{
    (void)state;
    struct lab *lab = lab_open(64, 4, 100);
    lab->clients.reuse = true; // the server sees its cookie again and again
    lab_flow(lab, FLOW_REPLAY, 1);
    lab_run(lab, 10000, 60, 100);
    const uint64_t *count = lab->flow[1].tally.count;
    assert_true(count[TALLY_SENT] > 0);
    // The load does not wait for its last replies.
    assert_in_range(count[TALLY_ANSWERED], count[TALLY_SENT] - LANES, count[TALLY_SENT]);
    assert_int_equal(lab_count(lab, TALLY_ANSWERED), lab_count(lab, TALLY_SENT));
    nothing_else(lab, "replay", TALLY_SENT, TALLY_SENT);
    lab_close(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_nts_requests),  cmocka_unit_test(to_plain_requests),
        cmocka_unit_test(repeated),         cmocka_unit_test(stale_origin),
        cmocka_unit_test(kisses),           cmocka_unit_test(forged_requests),
        cmocka_unit_test(forged_and_late),  cmocka_unit_test(garbage),
        cmocka_unit_test(a_floods_replies), cmocka_unit_test(a_replay),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
