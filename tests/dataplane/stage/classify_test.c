// The decision table: the parts of a packet, and its outcome if its cookie and authenticator are
// genuine. Checklist, section 7, and decisions 4, 5, 6, 9 and 12.
#include "dataplane/stage/classify.h"
#include "tests/board/outcome_name.h"
#include "tests/dataplane/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// A packet in words:  vV,M header of that version and mode   -N header cut by N octets
//   UN CN PN XN  identifier, cookie, placeholder, unknown field with a body of N octets
//   AN,S+M       authenticator: nonce N, sealed S, M octets of additional padding
//   ZN ON        N octets of zeros, of ones
//   LT,N         a field's header alone: type T (hexadecimal), length N
struct row {
    const char *rule;
    const char *packet;
    enum outcome end;
    bool usual; // for ANSWERED_NTS: of the shape that the batch kernel takes
};

static const struct row table[] = {
    {"NTP-1", "v4,3 -1", DROPPED_LENGTH, false},
    {"NTP-1", "v4,3 -4", DROPPED_LENGTH, false},
    {"NTP-1", "v4,3 -47", DROPPED_LENGTH, false},
    {"NTP-1", "v4,3 -48", DROPPED_LENGTH, false},
    {"NTP-1", "v4,3 Z1", DROPPED_LENGTH, false},
    {"NTP-1", "v4,3 Z2", DROPPED_LENGTH, false},
    {"NTP-1", "v4,3 Z3", DROPPED_LENGTH, false},
    {"NTP-1 before the mode", "v4,6 -36", DROPPED_LENGTH, false},

    {"NTP-2", "v4,3", ANSWERED_PLAIN, false},
    {"NTP-2", "v3,3", ANSWERED_PLAIN, false},
    {"NTP-2", "v2,3", ANSWERED_PLAIN, false},
    {"NTP-2", "v1,3", ANSWERED_PLAIN, false},
    {"NTP-2, decision 9", "v1,0", ANSWERED_PLAIN, false},
    {"NTP-2", "v4,0", DROPPED_MODE, false},
    {"NTP-2", "v5,3", DROPPED_VERSION, false},
    {"NTP-2 with fields", "v5,3 U32 C100 A16,16", DROPPED_VERSION, false},
    {"NTP-3", "v4,4", DROPPED_MODE, false},
    {"NTP-3 with fields", "v4,4 U32 C100 A16,16", DROPPED_MODE, false},

    {"EF-5", "v3,3 Z20", DROPPED_TRAILER, false},
    {"EF-5", "v3,3 Z24", DROPPED_TRAILER, false},
    {"EF-5", "v3,3 Z72", DROPPED_TRAILER, false},
    {"EF-5", "v1,0 Z4", DROPPED_TRAILER, false},
    {"NTS-13", "v3,3 U32 C100 A16,16", DROPPED_TRAILER, false},
    {"NTS-13", "v2,3 U32", DROPPED_TRAILER, false},

    {"EF-3, EF-6", "v4,3 O20", DROPPED_MAC, false},
    {"EF-3, EF-6", "v4,3 O24", DROPPED_MAC, false},
    {"EF-3 crypto-NAK", "v4,3 Z4", DROPPED_MAC, false},
    {"EF-3", "v4,3 O4", DROPPED_FIELDS, false},
    {"EF-3", "v4,3 O8", DROPPED_FIELDS, false},
    {"EF-3", "v4,3 O12", DROPPED_FIELDS, false},
    {"EF-3", "v4,3 O16", DROPPED_FIELDS, false},
    {"EF-3", "v4,3 O28", DROPPED_FIELDS, false},
    {"decision 5: a MAC behind fields", "v4,3 U32 O20", DROPPED_MAC, false},
    {"decision 5: a MAC before the authenticator's place", "v4,3 U32 C100 O24", DROPPED_MAC, false},

    {"EF-1", "v4,3 L104,0 Z32", DROPPED_FIELDS, false},
    {"EF-1 header alone", "v4,3 L104,4 Z32", DROPPED_FIELDS, false},
    {"EF-1", "v4,3 L104,5 Z32", DROPPED_FIELDS, false},
    {"EF-1", "v4,3 L104,65532 Z32", DROPPED_FIELDS, false},
    {"EF-1 behind a good field", "v4,3 U32 L404,4 Z32", DROPPED_FIELDS, false},
    {"EF-7",
     "v4,3 X12 X12 X12 X12 X12 X12 X12 X12 X12 X12 X12 X12 X12 X12 X12 X12 X12 X12 X12 X12 "
     "X12 X12 X12 X12 X12 X12 X12 X12 X12 X12 X12 X12 X24",
     DROPPED_FIELDS, false},

    {"EF-4", "v4,3 X24", ANSWERED_PLAIN, false},
    {"EF-4", "v4,3 X24 X1000", ANSWERED_PLAIN, false},
    {"NTS-11 alone", "v4,3 U24", ANSWERED_PLAIN, false},
    {"NTS-11 alone", "v4,3 U32", ANSWERED_PLAIN, false},
    {"NTS-11 alone", "v4,3 U64", ANSWERED_PLAIN, false},
    {"NTS-11 alone", "v4,3 U256", ANSWERED_PLAIN, false},
    {"NTS-11 alone", "v4,3 U1000", ANSWERED_PLAIN, false},
    {"a placeholder alone asks for nothing", "v4,3 U32 P100", ANSWERED_PLAIN, false},
    {"two identifiers", "v4,3 U32 U32", DROPPED_NTS_SHAPE, false},

    {"NTS-10", "v4,3 U32 C100 A16,16", ANSWERED_NTS, true},
    {"NTS-10", "v4,3 C100 U32 A16,16", ANSWERED_NTS, true},
    {"NTS-10", "v4,3 P100 P100 C100 X12 U32 P100 A16,16", ANSWERED_NTS, true},
    {"EF-4", "v4,3 X24 U32 X16 C100 X28 A16,16", ANSWERED_NTS, true},
    {"NTS-11", "v4,3 U28 C100 A16,16", DROPPED_NTS_SHAPE, false},
    {"NTS-11", "v4,3 U64 C100 A16,16", ANSWERED_NTS, true},
    {"NTS-11", "v4,3 U256 C100 A16,16", ANSWERED_NTS, true},
    {"NTS-11, decision 6", "v4,3 U260 C100 A16,16", DROPPED_NTS_SHAPE, false},
    {"NTS-11", "v4,3 U1000 C100 A16,16", DROPPED_NTS_SHAPE, false},

    {"one of three is missing", "v4,3 U32 C100", DROPPED_NTS_SHAPE, false},
    {"one of three is missing", "v4,3 U32 A16,16", DROPPED_NTS_SHAPE, false},
    {"one of three is missing", "v4,3 C100 A16,16", DROPPED_NTS_SHAPE, false},
    {"two are missing", "v4,3 C100", DROPPED_NTS_SHAPE, false},
    {"two are missing", "v4,3 A16,16", DROPPED_NTS_SHAPE, false},
    {"one too many", "v4,3 U32 C100 C100 A16,16", DROPPED_NTS_SHAPE, false},
    {"one too many", "v4,3 U32 U32 C100 A16,16", DROPPED_NTS_SHAPE, false},
    {"two cookies, no authenticator", "v4,3 U32 C100 C100", DROPPED_NTS_SHAPE, false},

    {"NTS-8", "v4,3 U32 C100 A16,16 X28", ANSWERED_NTS, true},
    {"NTS-8", "v4,3 U32 C100 A16,16 C100 A16,16 U32", ANSWERED_NTS, true},
    {"NTS-8, decision 4: a MAC behind", "v4,3 U32 C100 A16,16 O20", ANSWERED_NTS, true},
    {"NTS-8: nonsense behind", "v4,3 U32 C100 A16,16 O8", ANSWERED_NTS, true},
    {"NTS-8: an identifier behind is missing", "v4,3 C100 A16,16 U32", DROPPED_NTS_SHAPE, false},
    {"NTS-8: a cookie behind is missing", "v4,3 U32 A16,16 C100", DROPPED_NTS_SHAPE, false},

    {"NTS-3", "v4,3 U32 C100 A16,15", DROPPED_NTS_LENGTHS, false},
    {"NTS-3", "v4,3 U32 C100 A16,0+16", DROPPED_NTS_LENGTHS, false},
    {"NTS-3", "v4,3 U32 C100 L404,40 Lffff,16 Z32", DROPPED_NTS_LENGTHS, false},
    {"NTS-3", "v4,3 U32 C100 L404,40 L10,65535 Z32", DROPPED_NTS_LENGTHS, false},
    {"NTS-3 the 4 counts", "v4,3 U32 C100 L404,40 L10,20 Z32", DROPPED_NTS_LENGTHS, false},
    {"NTS-4", "v4,3 U32 C100 A5,16", DROPPED_NTS_LENGTHS, false},
    {"NTS-4", "v4,3 U32 C100 A5,16+4", DROPPED_NTS_LENGTHS, false},
    {"NTS-4", "v4,3 U32 C100 A5,16+8", ANSWERED_NTS, false},
    {"NTS-4 more padding", "v4,3 U32 C100 A16,16+48", ANSWERED_NTS, true},
    {"NTS-5", "v4,3 U32 C100 A1,16+12", ANSWERED_NTS, false},
    {"NTS-5", "v4,3 U32 C100 A15,16", ANSWERED_NTS, false},
    {"NTS-5", "v4,3 U32 C100 A17,16", ANSWERED_NTS, false},
    {"NTS-5", "v4,3 U32 C100 A64,16", ANSWERED_NTS, false},
    {"NTS-5", "v4,3 U32 C100 A255,16", ANSWERED_NTS, false},
    {"NTS-6: 24 octets are left, as of a MAC", "v4,3 U32 C100 A0,16", DROPPED_MAC, false},
    {"NTS-6", "v4,3 U32 C100 A0,16+16", DROPPED_NTS_LENGTHS, false},
    {"NTS-7", "v4,3 U32 C100 A16,120", ANSWERED_NTS, false},
    {"NTS-7", "v4,3 U32 C100 A16,17", ANSWERED_NTS, false},

    // Too short to be a field in the clear; from 12 octets of body on a matter for the key.
    {"NTS-12", "v4,3 U32 C0 A16,16", DROPPED_FIELDS, false},
    {"NTS-12", "v4,3 U32 C4 A16,16", DROPPED_FIELDS, false},
    {"NTS-12", "v4,3 U32 C12 A16,16", ANSWERED_NTS, false},
    {"NTS-12", "v4,3 U32 C96 A16,16", ANSWERED_NTS, false},
    {"NTS-12", "v4,3 U32 C104 A16,16", ANSWERED_NTS, false},
    {"NTS-12", "v4,3 U32 C1200 A16,16", ANSWERED_NTS, false},
};

static struct packet build(const char *words)
{
    struct packet packet = {.len = 0};
    char word[1024];
    for (int used; sscanf(words, " %1023s%n", word, &used) == 1; words += used) {
        unsigned a = 0, b = 0, c = 0;
        sscanf(word + 1, word[0] == 'L' ? "%x,%u" : "%u,%u+%u", &a, &b, &c);
        switch (word[0]) {
        case 'v':
            packet = packet_ntp(a, b);
            break;
        case '-':
            packet.len -= a;
            break;
        case 'U':
            packet_field(&packet, 0x0104, 1, a);
            break;
        case 'C':
            packet_field(&packet, 0x0204, 2, a);
            break;
        case 'P':
            packet_field(&packet, 0x0304, 0xff, a);
            break;
        case 'X':
            packet_field(&packet, 0x4242, 3, a);
            break;
        case 'A':
            packet_authenticator(&packet, (uint16_t)a, (uint16_t)b, c);
            break;
        case 'L':
            packet_field_header(&packet, (uint16_t)a, (uint16_t)b);
            break;
        default:
            packet_fill(&packet, word[0] == 'O', a);
        }
    }
    return packet;
}

static enum outcome kind_of_copy(const struct packet *packet, uint16_t port, struct fields *fields,
                                 struct authenticator *seal)
{
    uint8_t *copy = malloc(packet->len > 0 ? packet->len : 1);
    assert_non_null(copy);
    memcpy(copy, packet->at, packet->len);
    enum outcome end = kind_of(copy, packet->len, port, fields, seal);
    free(copy);
    return end;
}

static void every_row_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct packet packet = build(table[i].packet);
        struct fields fields;
        struct authenticator seal;
        enum outcome end = kind_of_copy(&packet, 40000, &fields, &seal);
        if (end != table[i].end)
            fail_msg("%s: %s: ends as %s", table[i].rule, table[i].packet, outcome_name(end));
        if (end == ANSWERED_NTS &&
            is_usual_shape(&aead_lengths[AEAD_SIV_CMAC_256], &fields, &seal) != table[i].usual)
            fail_msg("%s: %s: shape", table[i].rule, table[i].packet);
    }
}

// NTP-2, NTP-3: all versions and modes, from port 123 and from another (NTP-12: any other).
static void only_requests_are_answered(void **state)
{
    (void)state;
    static const uint16_t ports[] = {1, 122, 123, 124, 40000, 65535};
    for (unsigned version = 0; version < 8; version++) {
        for (unsigned mode = 0; mode < 8; mode++) {
            for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
                struct packet packet = packet_ntp(version, mode);
                struct fields fields;
                struct authenticator seal;
                enum outcome wanted = version < 1 || version > 4 ? DROPPED_VERSION
                                      : mode == 3                ? ANSWERED_PLAIN
                                      : version == 1 && mode == 0 && ports[i] != 123
                                          ? ANSWERED_PLAIN
                                          : DROPPED_MODE;
                assert_int_equal(kind_of_copy(&packet, ports[i], &fields, &seal), wanted);
            }
        }
    }
}

// EF-1, NTP-1: every prefix of a request, in memory of its own length.
static void no_prefix_is_read_past_its_end(void **state)
{
    (void)state;
    struct packet whole = build("v4,3 U32 C100 P100 A16,16");
    for (uint32_t len = 0; len < whole.len; len++) {
        struct packet packet = whole;
        packet.len = len;
        struct fields fields;
        struct authenticator seal;
        assert_int_not_equal(kind_of_copy(&packet, 40000, &fields, &seal), ANSWERED_NTS);
    }
}

// Decision 12, F23: without keys NTS ends in silence and plain requests do not; without a clock
// all, and all where silence is wanted (F6).
static void who_cannot_answer_is_silent(void **state)
{
    (void)state;
    for (unsigned has = 0; has < 8; has++) {
        struct batch *batch = calloc(1, sizeof *batch);
        assert_non_null(batch);
        struct kinds kinds = able(batch, (struct kinds){.plain = 1, .secure = {2}, .slow = 4},
                                  (has & 1) != 0, (has & 2) != 0, (has & 4) != 0);
        bool keys = has & 1, clock = has & 2, silent = has & 4;
        assert_int_equal(kinds.plain, clock && !silent ? 1 : 0);
        assert_int_equal(kinds_nts(kinds), keys && clock && !silent ? 6 : 0);
        assert_int_equal(batch->ended[DROPPED_NO_KEYS], keys ? 0 : 6);
        assert_int_equal(batch->ended[DROPPED_NO_CLOCK], clock ? 0 : keys ? 7 : 1);
        assert_int_equal(batch->ended[DROPPED_UNHEALTHY], !silent || !clock ? 0 : keys ? 7 : 1);
        free(batch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_holds),
        cmocka_unit_test(only_requests_are_answered),
        cmocka_unit_test(no_prefix_is_read_past_its_end),
        cmocka_unit_test(who_cannot_answer_is_silent),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
