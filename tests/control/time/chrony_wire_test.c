// The packets of chronyd's command protocol, held against a real chronyd's.
#include "control/time/chrony_wire.h"

#include "base/bytes.h"
#include "tests/control/time/chronyd_reply.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static uint8_t packet[CHRONY_PACKET_LEN];
static struct chrony_tracking said;

static int fresh(void **state)
{
    (void)state;
    memcpy(packet, chronyd_reply, sizeof packet);
    memset(&said, 0xee, sizeof said);
    return 0;
}

static enum chrony_verdict read_reply(size_t len)
{
    return chrony_reply(packet, len, CHRONYD_REPLY_NUMBER, &said);
}

static void a_request_is_as_long_as_its_reply(void **state)
{
    (void)state;
    uint8_t wanted[CHRONY_PACKET_LEN] = {6, 1, 0, 0, 0, 33, 0, 0, 0x12, 0x34, 0x56, 0x78};
    chrony_request(CHRONYD_REPLY_NUMBER, packet);
    assert_memory_equal(packet, wanted, sizeof wanted);
}

static void a_real_reply_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_reply(sizeof packet), CHRONY_GOOD);
    assert_int_equal(said.reference_id, 0x7f000001);
    assert_int_equal(said.stratum, 4);
    assert_int_equal(said.leap, 0);
    assert_true(said.reference_time == ntp_time_from_unix(1795914864, 698384371));
    assert_true(fabs(said.correction_s - -1.156e-6) < 1e-9);
    assert_true(fabs(said.root_delay_s - 4.543e-6) < 1e-9);
    assert_true(fabs(said.root_dispersion_s - 1.718e-6) < 1e-9);
}

static void numbers_of_all_sizes(void **state)
{
    (void)state;
    const struct {
        uint32_t word;
        double value;
    } rows[] = {
        {0, 0},                          // all zero
        {0x02800000, 0.5},               // exponent 1, coefficient 2^23
        {0x04800000, 1},                 //
        {0x03800000, -0.5},              // coefficient -2^23
        {0x28f42400, 500000},            // near the largest that is taken
        {0x80000001, ldexp(1, -64 - 25)} // the least exponent
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        be32_put(packet + 68, rows[i].word);
        assert_int_equal(read_reply(sizeof packet), CHRONY_GOOD);
        if (fabs(said.correction_s - rows[i].value) > fabs(rows[i].value) * 0.01)
            fail_msg("%08x is %g, wanted %g", rows[i].word, said.correction_s, rows[i].value);
    }
}

// A chronyd without any reference: no update yet.
static void no_reference_time(void **state)
{
    (void)state;
    memset(packet + 52, 0, CHRONY_PACKET_LEN - 52);
    packet[55] = 3;
    assert_int_equal(read_reply(sizeof packet), CHRONY_GOOD);
    assert_int_equal(said.leap, 3);
    assert_int_equal(said.stratum, 0);
    assert_true(said.reference_time == 0);
}

static void the_era_wraps(void **state)
{
    (void)state;
    be32_put(packet + 60, 2085978496u); // 2036-02-07 06:28:16
    be32_put(packet + 64, 0);
    assert_int_equal(read_reply(sizeof packet), CHRONY_GOOD);
    assert_true(said.reference_time == 0);
    be32_put(packet + 60, 2085978497u);
    assert_int_equal(read_reply(sizeof packet), CHRONY_GOOD);
    assert_true(said.reference_time == UINT64_C(1) << 32);
}

// Every octet of the head and each field of the report that is looked at.
static void what_is_wrong_is_not_taken(void **state)
{
    (void)state;
    const struct {
        size_t at;
        uint8_t value;
        enum chrony_verdict verdict;
    } rows[] = {
        {0, 5, CHRONY_REFUSED},                             // version
        {1, 1, CHRONY_OTHER},                               // a request
        {5, 34, CHRONY_OTHER},                              // command
        {7, 1, CHRONY_REFUSED},                             // another report
        {9, 2, CHRONY_REFUSED},                             // status: not authorised
        {19, 0x79, CHRONY_OTHER},                           // number
        {52, 1, CHRONY_BROKEN},    {53, 17, CHRONY_BROKEN}, // stratum
        {55, 4, CHRONY_BROKEN},                             // leap
        {64, 0x3c, CHRONY_BROKEN},                          // above a second
        {68, 0x50, CHRONY_BROKEN}, {92, 0x50, CHRONY_BROKEN}, {96, 0x50, CHRONY_BROKEN}, // huge
        {93, 0x9f, CHRONY_GOOD},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fresh(NULL);
        packet[rows[i].at] = rows[i].value;
        const enum chrony_verdict verdict = read_reply(sizeof packet);
        if (verdict != rows[i].verdict)
            fail_msg("row %zu: verdict %d", i, verdict);
        if (verdict != CHRONY_GOOD)
            assert_int_equal(said.stratum, 0xee); // nothing was written
    }
    fresh(NULL);
    be32_put(packet + 92, 0xe1987013); // negative root delay
    assert_int_equal(read_reply(sizeof packet), CHRONY_BROKEN);
    fresh(NULL);
    be32_put(packet + 96, 0xdde6982d); // negative root dispersion
    assert_int_equal(read_reply(sizeof packet), CHRONY_BROKEN);
}

static void lengths(void **state)
{
    (void)state;
    for (size_t len = 0; len < CHRONY_PACKET_LEN; len++)
        assert_int_equal(read_reply(len), len < 28 ? CHRONY_OTHER : CHRONY_BROKEN);
    uint8_t longer[CHRONY_PACKET_LEN + 4] = {0};
    memcpy(longer, chronyd_reply, CHRONY_PACKET_LEN);
    assert_int_equal(chrony_reply(longer, sizeof longer, CHRONYD_REPLY_NUMBER, &said),
                     CHRONY_BROKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_request_is_as_long_as_its_reply, fresh),
        cmocka_unit_test_setup(a_real_reply_is_read, fresh),
        cmocka_unit_test_setup(numbers_of_all_sizes, fresh),
        cmocka_unit_test_setup(no_reference_time, fresh),
        cmocka_unit_test_setup(the_era_wraps, fresh),
        cmocka_unit_test_setup(what_is_wrong_is_not_taken, fresh),
        cmocka_unit_test_setup(lengths, fresh),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("control/time/chrony_wire", tests, NULL, NULL);
}
