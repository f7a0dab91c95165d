// The client's side of NTS-KE: the octets of its request, and every way in which a response can be
// wrong. RFC 8915, section 4.
#include "perf/ke/ke_response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NEXT "\x80\x01\x00\x02\x00\x00"
#define AEAD "\x80\x04\x00\x02\x00\x0f"
#define COOKIE                                                                                     \
    "\x00\x05\x00\x04"                                                                             \
    "abcd"
#define END "\x80\x00\x00\x00"
#define NAME_16 "0123456789abcdef"
#define NAME_240                                                                                   \
    NAME_16 NAME_16 NAME_16 NAME_16 NAME_16 NAME_16 NAME_16 NAME_16 NAME_16 NAME_16 NAME_16        \
        NAME_16 NAME_16 NAME_16 NAME_16

static void requests(void **state)
{
    (void)state;
    uint8_t out[KE_REQUEST_MAX];
    static const char plain[] = NEXT AEAD END;
    assert_int_equal(ke_request_write(aead_rows, AEAD_ROWS, out), sizeof plain - 1);
    assert_memory_equal(out, plain, sizeof plain - 1);

    static const struct aead three[] = {{.id = 30}, {.id = 17}, {.id = 15}};
    static const char longer[] = NEXT "\x80\x04\x00\x06\x00\x1e\x00\x11\x00\x0f" END;
    assert_int_equal(ke_request_write(three, 3, out), sizeof longer - 1);
    assert_memory_equal(out, longer, sizeof longer - 1);
}

struct row {
    const char *what;
    const char *octets;
    size_t len;
    enum ke_fault fault;
    uint16_t code;
};

// The versions of clang-format break this line in different ways.
// clang-format off
#define ROW(what, octets, ...) {what, octets, sizeof(octets) - 1, __VA_ARGS__}
// clang-format on

static const struct row rows[] = {
    ROW("plain", NEXT AEAD COOKIE END, KE_FAULT_NONE, 0),
    ROW("any order", COOKIE AEAD NEXT END, KE_FAULT_NONE, 0),
    ROW("critical bits the other way",
        "\x00\x01\x00\x02\x00\x00\x00\x04\x00\x02\x00\x0f"
        "\x80\x05\x00\x01x\x00\x00\x00\x00",
        KE_FAULT_NONE, 0),
    ROW("behind the end", NEXT AEAD COOKIE END "\x80\x02\x00\x02\x00\x01", KE_FAULT_NONE, 0),
    ROW("unknown", NEXT "\x07\xd0\x00\x03xyz" AEAD COOKIE END, KE_FAULT_NONE, 0),
    ROW("several protocols", "\x80\x01\x00\x04\x80\x01\x00\x00" AEAD COOKIE END, KE_FAULT_NONE, 0),
    ROW("server and port", NEXT AEAD COOKIE "\x80\x07\x00\x02\x1f\xbb\x00\x06\x00\x03ntp" END,
        KE_FAULT_NONE, 0),

    ROW("nothing", "", KE_FAULT_FRAMING, 0),
    ROW("no end", NEXT AEAD COOKIE, KE_FAULT_FRAMING, 0),
    ROW("an end with a body", NEXT AEAD COOKIE "\x80\x00\x00\x01x", KE_FAULT_FRAMING, 0),
    ROW("leaves the response", NEXT AEAD COOKIE "\x00\x05\x00\x05" END, KE_FAULT_FRAMING, 0),
    ROW("leaves it after an error", "\x80\x02\x00\x02\x00\x01\x00\x05\xff\xff", KE_FAULT_FRAMING,
        0),

    ROW("error 0", "\x80\x02\x00\x02\x00\x00" END, KE_FAULT_ERROR, 0),
    ROW("error 1", "\x80\x02\x00\x02\x00\x01" END, KE_FAULT_ERROR, 1),
    ROW("error beside cookies", NEXT AEAD COOKIE "\x80\x02\x00\x02\x00\x02" END, KE_FAULT_ERROR, 2),
    ROW("error before the unknown", "\x87\xd0\x00\x00\x80\x02\x00\x02\xab\xcd" END, KE_FAULT_ERROR,
        0xabcd),
    ROW("error without a code", "\x80\x02\x00\x00" END, KE_FAULT_RECORD, 0),
    ROW("warning", NEXT AEAD COOKIE "\x80\x03\x00\x02\x00\x07" END, KE_FAULT_WARNING, 7),
    ROW("warning without a code", NEXT AEAD COOKIE "\x80\x03\x00\x01\x00" END, KE_FAULT_RECORD, 0),
    ROW("unknown critical", NEXT AEAD "\x87\xd0\x00\x00" COOKIE END, KE_FAULT_CRITICAL, 2000),
    ROW("the first unknown critical", "\x87\xd1\x00\x00\x87\xd0\x00\x00" END, KE_FAULT_CRITICAL,
        2001),

    ROW("protocol twice", NEXT NEXT AEAD COOKIE END, KE_FAULT_RECORD, 0),
    ROW("protocol odd", "\x80\x01\x00\x03\x00\x00\x00" AEAD COOKIE END, KE_FAULT_RECORD, 0),
    ROW("AEAD twice", NEXT AEAD AEAD COOKIE END, KE_FAULT_RECORD, 0),
    ROW("AEAD odd", NEXT "\x80\x04\x00\x01\x0f" COOKIE END, KE_FAULT_RECORD, 0),
    ROW("two AEADs", NEXT "\x80\x04\x00\x04\x00\x0f\x00\x0f" COOKIE END, KE_FAULT_RECORD, 0),
    ROW("port twice", NEXT AEAD COOKIE "\x80\x07\x00\x02\x00\x7b\x80\x07\x00\x02\x00\x7b" END,
        KE_FAULT_RECORD, 0),
    ROW("port 0", NEXT AEAD COOKIE "\x80\x07\x00\x02\x00\x00" END, KE_FAULT_RECORD, 0),
    ROW("port short", NEXT AEAD COOKIE "\x80\x07\x00\x01\x7b" END, KE_FAULT_RECORD, 0),
    ROW("server empty", NEXT AEAD COOKIE "\x80\x06\x00\x00" END, KE_FAULT_RECORD, 0),
    ROW("server no text", NEXT AEAD COOKIE "\x80\x06\x00\x03n\x00p" END, KE_FAULT_RECORD, 0),
    ROW("server with a space", NEXT AEAD COOKIE "\x80\x06\x00\x03n p" END, KE_FAULT_RECORD, 0),
    ROW("server of 256", NEXT AEAD COOKIE "\x80\x06\x01\x00" NAME_240 NAME_16 END, KE_FAULT_RECORD,
        0),
    ROW("server of 255", NEXT AEAD COOKIE "\x80\x06\x00\xff" NAME_240 "0123456789abcde" END,
        KE_FAULT_NONE, 0),

    ROW("no protocol", AEAD COOKIE END, KE_FAULT_NO_PROTOCOL, 0),
    ROW("only an end", END, KE_FAULT_NO_PROTOCOL, 0),
    ROW("no common protocol", "\x80\x01\x00\x00" END, KE_FAULT_NOT_NTPV4, 0),
    ROW("another protocol", "\x80\x01\x00\x02\x80\x01" AEAD COOKIE END, KE_FAULT_NOT_NTPV4, 0),
    ROW("no AEAD", NEXT COOKIE END, KE_FAULT_NO_AEAD, 0),
    ROW("no common AEAD", NEXT "\x80\x04\x00\x00" END, KE_FAULT_NO_COMMON, 0),
    ROW("foreign AEAD", NEXT "\x80\x04\x00\x02\x00\x1e" COOKIE END, KE_FAULT_FOREIGN_AEAD, 30),
    ROW("no cookies", NEXT AEAD END, KE_FAULT_NO_COOKIES, 0),
    ROW("empty cookie", NEXT AEAD "\x00\x05\x00\x00" END, KE_FAULT_COOKIE_LEN, 0),
    ROW("uneven cookies",
        NEXT AEAD COOKIE "\x00\x05\x00\x03"
                         "abc" END,
        KE_FAULT_COOKIE_LEN, 0),
    ROW("cookie of 257", NEXT AEAD "\x00\x05\x01\x01" NAME_240 NAME_16 "x" END, KE_FAULT_COOKIE_LEN,
        0),
    ROW("cookie of 256", NEXT AEAD "\x00\x05\x01\x00" NAME_240 NAME_16 END, KE_FAULT_NONE, 0),
};

static enum ke_fault read_row(const struct row *row, size_t len, struct ke_grant *grant,
                              uint16_t *code)
{
    uint8_t *exact = malloc(len ? len : 1); // so that the sanitizer sees a read behind the end
    memcpy(exact, row->octets, len);
    enum ke_fault fault = ke_response_read(exact, len, aead_rows, AEAD_ROWS, grant, code);
    free(exact);
    return fault;
}

static void truth_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ke_grant grant = {.n_cookies = 99};
        uint16_t code = 0;
        enum ke_fault fault = read_row(&rows[i], rows[i].len, &grant, &code);
        if (fault != rows[i].fault || code != rows[i].code)
            fail_msg("%s: %s (%u)", rows[i].what, ke_fault_text[fault], code);
        if (fault != KE_FAULT_NONE)
            assert_int_equal(grant.n_cookies, 99); // left alone
    }
}

static void cut_at_each_octet(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t end = 0;
        if (!ke_response_ended((const uint8_t *)rows[i].octets, rows[i].len, &end))
            continue;
        size_t at = 0; // as if it came octet by octet
        for (size_t len = 0; len < end; len++) {
            struct ke_grant grant;
            uint16_t code;
            assert_int_equal(read_row(&rows[i], len, &grant, &code), KE_FAULT_FRAMING);
            assert_false(ke_response_ended((const uint8_t *)rows[i].octets, len, &at));
        }
        assert_true(ke_response_ended((const uint8_t *)rows[i].octets, rows[i].len, &at));
        assert_int_equal(at, end);
    }
}

static void what_is_granted(void **state)
{
    (void)state;
    static const struct row plain = ROW("",
                                        NEXT AEAD COOKIE "\x00\x05\x00\x04"
                                                         "wxyz" END,
                                        0, 0);
    struct ke_grant grant;
    uint16_t code;
    assert_int_equal(read_row(&plain, plain.len, &grant, &code), KE_FAULT_NONE);
    assert_int_equal(grant.aead->id, 15);
    assert_int_equal(grant.aead->lengths->key, 32);
    assert_int_equal(grant.n_cookies, 2);
    assert_int_equal(grant.cookie_len, 4);
    assert_memory_equal(grant.cookie[0], "abcd", 4);
    assert_memory_equal(grant.cookie[1], "wxyz", 4);
    assert_int_equal(grant.port, 123);
    assert_string_equal(grant.server, "");

    static const struct row elsewhere =
        ROW("", NEXT AEAD COOKIE "\x80\x07\x00\x02\x1f\xbb\x80\x06\x00\x0bntp.example" END, 0, 0);
    assert_int_equal(read_row(&elsewhere, elsewhere.len, &grant, &code), KE_FAULT_NONE);
    assert_int_equal(grant.port, 8123);
    assert_string_equal(grant.server, "ntp.example");
}

static void more_cookies_than_kept(void **state)
{
    (void)state;
    static const struct row ten =
        ROW("", NEXT AEAD COOKIE COOKIE COOKIE COOKIE COOKIE COOKIE COOKIE COOKIE COOKIE COOKIE END,
            0, 0);
    struct ke_grant grant;
    uint16_t code;
    assert_int_equal(read_row(&ten, ten.len, &grant, &code), KE_FAULT_NONE);
    assert_int_equal(grant.n_cookies, KE_GRANT_COOKIES);
}

// Any octet of a right response may be any other.
static void one_octet_wrong(void **state)
{
    (void)state;
    char octets[] = NEXT AEAD COOKIE COOKIE "\x80\x07\x00\x02\x1f\xbb\x80\x06\x00\x03ntp" END;
    const struct row row = {"", octets, sizeof octets - 1, KE_FAULT_NONE, 0};
    for (size_t i = 0; i < row.len; i++) {
        const char right = octets[i];
        for (int v = 0; v < 256; v++) {
            struct ke_grant grant;
            uint16_t code;
            octets[i] = (char)v;
            if (read_row(&row, row.len, &grant, &code) == KE_FAULT_NONE)
                assert_in_range(grant.n_cookies, 1, 2);
        }
        octets[i] = right;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(truth_table),
        cmocka_unit_test(cut_at_each_octet),
        cmocka_unit_test(what_is_granted),
        cmocka_unit_test(more_cookies_than_kept),
        cmocka_unit_test(one_octet_wrong),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
