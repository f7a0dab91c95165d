// The codec of NTS-KE: truth tables of checklist sections 2 and 3 with golden octets.
#include "control/ke/ke_records.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// The records of which most requests are made.
#define NEXT "\x80\x01\x00\x02\x00\x00"
#define AEAD "\x80\x04\x00\x02\x00\x0f"
#define END "\x80\x00\x00\x00"
#define UNKNOWN "\x07\xd0\x00\x01\x55"      // type 2000
#define CRITICAL_UNKNOWN "\x87\xd0\x00\x00" // the same, critical

enum result {
    WAITS = -2,   // not complete
    ANSWERS = -1, // negotiated; otherwise the error's code
    ERROR_0 = KE_UNRECOGNIZED_CRITICAL_RECORD,
    ERROR_1 = KE_BAD_REQUEST,
};

static enum result result_of(const uint8_t *request, size_t len, struct ke_negotiation *negotiation)
{
    struct ke_framing framing = {0};
    ke_framing_advance(&framing, request, len);
    if (framing.broken)
        return ERROR_1;
    if (!framing.ended)
        return WAITS;
    *negotiation = ke_negotiate(request, framing.at);
    return negotiation->refused ? (enum result)negotiation->error : ANSWERS;
}

struct row {
    const char *what;
    const char *request;
    size_t len;
    enum result result;
};

// The versions of clang-format break this line in different ways.
// clang-format off
#define ROW(what, request, result)                                                                 \
    {                                                                                              \
        what, request, sizeof(request) - 1, result                                                 \
    }
// clang-format on

static const struct row rows[] = {
    ROW("nothing", "", WAITS),
    ROW("the normal request", NEXT AEAD END, ANSWERS),
    ROW("AEAD first; the order is free", AEAD NEXT END, ANSWERS),
    ROW("AEAD not critical, which section 4.1.5 allows", NEXT "\x00\x04\x00\x02\x00\x0f" END,
        ANSWERS),

    ROW("KE-1: a second request behind the first is not looked at", NEXT AEAD END NEXT AEAD END,
        ANSWERS),
    ROW("KE-3: half a header", NEXT AEAD "\x80\x00", WAITS),
    ROW("KE-3: half a body", NEXT "\x80\x04\x00\x02\x00", WAITS),
    ROW("KE-4: unknown, length 0", "\x07\xd0\x00\x00" NEXT AEAD END, ANSWERS),
    ROW("KE-4: unknown, length 1", NEXT UNKNOWN AEAD END, ANSWERS),
    ROW("KE-4: unknown, length 65000: over the limit", NEXT AEAD "\x07\xd0\xfd\xe8" END, ERROR_1),
    ROW("KE-4: unknown and critical", NEXT AEAD CRITICAL_UNKNOWN END, ERROR_0),
    ROW("KE-4: unknown and critical, type 8", NEXT AEAD "\x80\x08\x00\x00" END, ERROR_0),
    ROW("KE-4: unknown and critical, type 32767", NEXT AEAD "\xff\xff\x00\x00" END, ERROR_0),
    ROW("KE-4, EXP-4: record 1024 is not known while AEAD 30 is not",
        NEXT AEAD "\x04\x00\x00\x00" END, ANSWERS),

    ROW("KE-8: unknown critical and no AEAD", NEXT CRITICAL_UNKNOWN END, ERROR_0),
    ROW("KE-8: no AEAD and unknown critical, in this order", CRITICAL_UNKNOWN NEXT END, ERROR_0),
    ROW("KE-8: unknown critical and a forbidden record",
        "\x80\x02\x00\x02\x00\x00" NEXT AEAD CRITICAL_UNKNOWN END, ERROR_0),
    ROW("KE-8: unknown critical, then broken framing",
        CRITICAL_UNKNOWN NEXT AEAD "\x80\x00\x00\x01\x00", ERROR_1),

    ROW("REC-0: no End of Message", NEXT AEAD, WAITS),
    ROW("REC-0: End of Message twice: the first ends", NEXT AEAD END END, ANSWERS),
    ROW("REC-0: End of Message alone", END, ERROR_1),
    ROW("REC-0: End of Message before the rest", NEXT END AEAD END, ERROR_1),
    ROW("REC-0: with a body", NEXT AEAD "\x80\x00\x00\x02\x00\x00", ERROR_1),
    ROW("REC-0: not critical", NEXT AEAD "\x00\x00\x00\x00", ERROR_1),
    ROW("REC-0: what follows it is drained, never parsed",
        NEXT AEAD END CRITICAL_UNKNOWN "\xff\xff\xff", ANSWERS),

    ROW("REC-1: Next Protocol absent", AEAD END, ERROR_1),
    ROW("REC-1: twice", NEXT NEXT AEAD END, ERROR_1),
    ROW("REC-1: empty", "\x80\x01\x00\x00" AEAD END, ERROR_1),
    ROW("REC-1: odd length 1", "\x80\x01\x00\x01\x00" AEAD END, ERROR_1),
    ROW("REC-1: odd length 3", "\x80\x01\x00\x03\x00\x00\x00" AEAD END, ERROR_1),
    ROW("REC-1: not critical", "\x00\x01\x00\x02\x00\x00" AEAD END, ERROR_1),

    ROW("REC-2: Error", NEXT AEAD "\x80\x02\x00\x02\x00\x01" END, ERROR_1),
    ROW("REC-2: Error, not critical", NEXT AEAD "\x00\x02\x00\x02\x00\x01" END, ERROR_1),
    ROW("REC-3: Warning", NEXT AEAD "\x80\x03\x00\x02\x00\x01" END, ERROR_1),
    ROW("REC-3: Warning, not critical", NEXT AEAD "\x00\x03\x00\x02\x00\x01" END, ERROR_1),
    ROW("REC-5: New Cookie", NEXT AEAD "\x80\x05\x00\x02\x00\x01" END, ERROR_1),
    ROW("REC-5: New Cookie, not critical", NEXT AEAD "\x00\x05\x00\x00" END, ERROR_1),

    ROW("REC-4: AEAD absent", NEXT END, ERROR_1),
    ROW("REC-4: twice", NEXT AEAD AEAD END, ERROR_1),
    ROW("REC-4: empty", NEXT "\x80\x04\x00\x00" END, ERROR_1),
    ROW("REC-4: odd length", NEXT "\x80\x04\x00\x03\x00\x0f\x00" END, ERROR_1),
    ROW("REC-4: not needed without NTPv4", "\x80\x01\x00\x02\x80\x01" END, ANSWERS),

    ROW("REC-6: a server asked for", NEXT AEAD "\x00\x06\x00\x03\x61\x2e\x62" END, ANSWERS),
    ROW("REC-6: asked for twice", NEXT AEAD "\x00\x06\x00\x01\x61\x00\x06\x00\x01\x61" END,
        ERROR_1),
    ROW("REC-7: a port asked for", NEXT AEAD "\x00\x07\x00\x02\x00\x7b" END, ANSWERS),
    ROW("REC-7: a port of three octets", NEXT AEAD "\x00\x07\x00\x03\x00\x7b\x00" END, ERROR_1),
};

static void requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        // A buffer of exactly the request's size, so that a read past it is seen by a sanitizer.
        uint8_t *request = malloc(rows[i].len + 1);
        assert_non_null(request);
        memcpy(request, rows[i].request, rows[i].len);
        struct ke_negotiation n;
        enum result result = result_of(request, rows[i].len, &n);
        if (result != rows[i].result)
            fail_msg("%s: got %d, expected %d", rows[i].what, result, rows[i].result);
        free(request);
    }
}

// KE-3: however a request is cut, the framing ends at the same octet with the same result.
static void every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint8_t *request = (const uint8_t *)rows[i].request;
        struct ke_framing whole = {0};
        ke_framing_advance(&whole, request, rows[i].len);
        struct ke_framing by_octet = {0};
        for (size_t len = 0; len <= rows[i].len; len++)
            ke_framing_advance(&by_octet, request, len);
        assert_memory_equal(&whole, &by_octet, sizeof whole);
        for (size_t cut = 0; cut <= rows[i].len; cut++) {
            struct ke_framing in_two = {0};
            ke_framing_advance(&in_two, request, cut);
            ke_framing_advance(&in_two, request, rows[i].len);
            assert_memory_equal(&whole, &in_two, sizeof whole);
        }
    }
}

// A request of exactly len octets: one unknown record fills it up.
static size_t padded(uint8_t *out, size_t len)
{
    static const char head[] = NEXT AEAD;
    static const char tail[] = END;
    size_t fixed = sizeof head - 1 + sizeof tail - 1 + KE_RECORD_HEADER;
    uint8_t *at = out;
    memcpy(at, head, sizeof head - 1);
    at += sizeof head - 1;
    be16_put(at, 2000);
    be16_put(at + 2, (uint16_t)(len - fixed));
    memset(at + 4, 0x5a, len - fixed);
    at += 4 + len - fixed;
    memcpy(at, tail, sizeof tail - 1);
    return len;
}

static void limit(void **state) // KE-2
{
    (void)state;
    uint8_t request[KE_REQUEST_MAX + 1];
    struct ke_negotiation n;
    assert_int_equal(result_of(request, padded(request, 1024), &n), ANSWERS);
    assert_int_equal(result_of(request, padded(request, KE_REQUEST_MAX), &n), ANSWERS);
    padded(request, KE_REQUEST_MAX + 1);
    assert_int_equal(result_of(request, KE_REQUEST_MAX, &n), ERROR_1);
    // Refused as soon as the header is there, without waiting for the rest.
    padded(request, KE_REQUEST_MAX);
    be16_put(request + 14, KE_REQUEST_MAX);
    assert_int_equal(result_of(request, 16, &n), ERROR_1);
    // Empty records to the brim, in which no header fits any more.
    for (size_t i = 0; i < KE_REQUEST_MAX; i += 4)
        memcpy(request + i, "\x07\xd0\x00\x00", 4);
    assert_int_equal(result_of(request, KE_REQUEST_MAX - 1, &n), WAITS);
    assert_int_equal(result_of(request, KE_REQUEST_MAX, &n), ERROR_1);
}

static struct ke_negotiation negotiated(const uint16_t *protocols, size_t n_protocols,
                                        const uint16_t *aeads, size_t n_aeads)
{
    uint8_t request[KE_REQUEST_MAX];
    uint8_t *at = request;
    be16_put(at, 0x8001);
    be16_put(at + 2, (uint16_t)(2 * n_protocols));
    at += 4;
    for (size_t i = 0; i < n_protocols; i++, at += 2)
        be16_put(at, protocols[i]);
    be16_put(at, 0x8004);
    be16_put(at + 2, (uint16_t)(2 * n_aeads));
    at += 4;
    for (size_t i = 0; i < n_aeads; i++, at += 2)
        be16_put(at, aeads[i]);
    memcpy(at, END, 4);
    at += 4;
    struct ke_negotiation n;
    assert_int_equal(result_of(request, (size_t)(at - request), &n), ANSWERS);
    return n;
}

#define NUMBERS(...) (const uint16_t[]){__VA_ARGS__}, sizeof(uint16_t[]){__VA_ARGS__} / 2

static void protocols(void **state) // REC-1b
{
    (void)state;
    assert_false(negotiated(NUMBERS(1), NUMBERS(15)).ntpv4);
    assert_false(negotiated(NUMBERS(0x8001), NUMBERS(15)).ntpv4);
    assert_null(negotiated(NUMBERS(0x8001), NUMBERS(15)).aead);
    assert_true(negotiated(NUMBERS(0x8001, 0), NUMBERS(15)).ntpv4);
    assert_true(negotiated(NUMBERS(0, 0, 0), NUMBERS(15)).ntpv4);
}

static void aeads(void **state) // REC-4, REC-4b, EXP-4 in part: 30 is not a row yet
{
    (void)state;
    const struct aead *siv = &aead_rows[AEAD_SIV_CMAC_256];
    assert_int_equal(siv->id, 15);
    assert_int_equal(siv->lengths->key, 32);
    assert_int_equal(siv->lengths->cookie, 100);
    assert_null(negotiated(NUMBERS(0), NUMBERS(31)).aead);
    assert_null(negotiated(NUMBERS(0), NUMBERS(1)).aead);
    assert_null(negotiated(NUMBERS(0), NUMBERS(65535)).aead);
    assert_null(negotiated(NUMBERS(0), NUMBERS(30)).aead);
    assert_ptr_equal(negotiated(NUMBERS(0), NUMBERS(15)).aead, siv);
    assert_ptr_equal(negotiated(NUMBERS(0), NUMBERS(1, 15)).aead, siv);
    assert_ptr_equal(negotiated(NUMBERS(0), NUMBERS(30, 15)).aead, siv);
    assert_ptr_equal(negotiated(NUMBERS(0), NUMBERS(15, 15, 15)).aead, siv);
    uint16_t hundred[100];
    for (uint16_t i = 0; i < 100; i++)
        hundred[i] = 1000 + i;
    assert_null(negotiated(NUMBERS(0), hundred, 100).aead);
    hundred[99] = 15;
    assert_ptr_equal(negotiated(NUMBERS(0), hundred, 100).aead, siv);
}

static void nothing_in_common(void **state) // REC-1b, REC-4: the octets
{
    (void)state;
    uint8_t out[KE_RESPONSE_MAX];
    const struct ke_offer offer = {.ntp_server = "ntp.example", .udp_port = 8123};
    size_t len = ke_response_write(&(struct ke_negotiation){0}, &offer, out);
    assert_int_equal(len, 8);
    assert_memory_equal(out, "\x80\x01\x00\x00\x80\x00\x00\x00", 8);
    len = ke_response_write(&(struct ke_negotiation){.ntpv4 = true}, &offer, out);
    assert_int_equal(len, 14);
    assert_memory_equal(out, NEXT "\x80\x04\x00\x00" END, 14);
}

static size_t respond(const char *ntp_server, uint16_t udp_port, uint8_t out[KE_RESPONSE_MAX])
{
    uint8_t cookies[KE_COOKIES * 100];
    for (size_t i = 0; i < sizeof cookies; i++)
        cookies[i] = (uint8_t)(i / 100 + 1);
    const struct ke_negotiation n = {.ntpv4 = true, .aead = &aead_rows[AEAD_SIV_CMAC_256]};
    const struct ke_offer offer = {ntp_server, udp_port, cookies};
    return ke_response_write(&n, &offer, out);
}

// Eight cookies and End of Message stand at the end of a response.
static void has_cookies(const uint8_t *at, size_t len)
{
    assert_int_equal(len, 8 * 104 + 4);
    for (unsigned i = 0; i < 8; i++, at += 104) {
        assert_memory_equal(at, "\x00\x05\x00\x64", 4); // not critical, 100 octets
        for (unsigned j = 0; j < 100; j++)
            assert_int_equal(at[4 + j], i + 1);
    }
    assert_memory_equal(at, END, 4);
}

// REC-8 too: nothing but what is listed is ever sent.
static void golden(void **state) // REC-9, REC-5b, REC-6, REC-7, KE-9
{
    (void)state;
    uint8_t out[KE_RESPONSE_MAX];
    size_t len = respond("", 123, out);
    assert_int_equal(len, 848);
    assert_memory_equal(out, NEXT AEAD, 12);
    has_cookies(out + 12, len - 12);

    len = respond("", 8123, out);
    assert_memory_equal(out, NEXT AEAD "\x80\x07\x00\x02\x1f\xbb", 18);
    has_cookies(out + 18, len - 18);

    len = respond("ntp.example", 123, out);
    assert_memory_equal(out, NEXT AEAD "\x80\x06\x00\x0bntp.example", 27);
    has_cookies(out + 27, len - 27);

    len = respond("192.0.2.1", 8123, out);
    assert_memory_equal(out,
                        NEXT AEAD "\x80\x07\x00\x02\x1f\xbb\x80\x06\x00\x09"
                                  "192.0.2.1",
                        31);
    has_cookies(out + 31, len - 31);
}

static void longest_name(void **state) // REC-6: no client is sent more than 99 octets
{
    (void)state;
    char name[200];
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    uint8_t out[KE_RESPONSE_MAX];
    size_t len = respond(name, 123, out);
    assert_memory_equal(out + 12, "\x80\x06\x00\x63", 4);
    has_cookies(out + 12 + 4 + 99, len - 12 - 4 - 99);
}

static void errors(void **state) // KE-7
{
    (void)state;
    uint8_t out[KE_ERROR_LEN];
    assert_int_equal(ke_error_write(KE_UNRECOGNIZED_CRITICAL_RECORD, out), 10);
    assert_memory_equal(out, "\x80\x02\x00\x02\x00\x00\x80\x00\x00\x00", 10);
    ke_error_write(KE_BAD_REQUEST, out);
    assert_memory_equal(out, "\x80\x02\x00\x02\x00\x01\x80\x00\x00\x00", 10);
    ke_error_write(KE_INTERNAL_SERVER_ERROR, out);
    assert_memory_equal(out, "\x80\x02\x00\x02\x00\x02\x80\x00\x00\x00", 10);
}

// Section 13 of the checklist: records of the pool drafts are unknown to us, critical or not.
static void pool_records(void **state) // KE-4
{
    (void)state;
    for (unsigned i = 0; i < 7 + 6; i++) {
        uint16_t type = (uint16_t)(i < 7 ? 8 + i : 0x4000 + i - 7);
        uint8_t request[] = NEXT AEAD "\x00\x00\x00\x02\x00\x0f" END;
        struct ke_negotiation n;
        be16_put(request + 12, type);
        assert_int_equal(result_of(request, sizeof request - 1, &n), ANSWERS);
        be16_put(request + 12, 0x8000 | type);
        assert_int_equal(result_of(request, sizeof request - 1, &n), ERROR_0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests), cmocka_unit_test(every_cut),
        cmocka_unit_test(limit),    cmocka_unit_test(protocols),
        cmocka_unit_test(aeads),    cmocka_unit_test(nothing_in_common),
        cmocka_unit_test(golden),   cmocka_unit_test(longest_name),
        cmocka_unit_test(errors),   cmocka_unit_test(pool_records),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
