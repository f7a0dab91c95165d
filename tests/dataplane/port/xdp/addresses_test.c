// Which addresses are kept when there are more than the XDP program has room for.
#include "dataplane/port/xdp/addresses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct address_list list; // large

static void add_v4(uint8_t net, uint32_t n, bool own)
{
    const uint8_t address[4] = {10, net, (uint8_t)(n >> 8), (uint8_t)n};
    addresses_add_v4(&list, address, own);
}

static void add_v6(uint8_t net, uint32_t n, bool own)
{
    uint8_t address[16] = {0xfd, net};
    address[14] = (uint8_t)(n >> 8);
    address[15] = (uint8_t)n;
    addresses_add_v6(&list, address, own);
}

static bool has_v4(uint8_t net, uint32_t n)
{
    const uint8_t address[4] = {10, net, (uint8_t)(n >> 8), (uint8_t)n};
    bool has = false;
    for (uint32_t i = 0; i < list.n_v4; i++)
        has |= memcmp(list.v4[i], address, 4) == 0;
    return has;
}

static int fresh(void **state)
{
    (void)state;
    memset(&list, 0, sizeof list);
    return 0;
}

static void the_served_interfaces_stand_first(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        add_v4(1, i, false);
        add_v4(2, i, true);
        add_v6(1, i, false);
        add_v6(2, i, true);
    }
    assert_int_equal(list.n_v4, 6);
    assert_int_equal(list.n_own_v4, 3);
    assert_int_equal(list.n_v6, 6);
    assert_int_equal(list.n_own_v6, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(list.v4[i][1], 2);
        assert_int_equal(list.v6[i][1], 2);
        assert_true(has_v4(1, i) && has_v4(2, i));
    }
    assert_int_equal(list.left_out, 0);
}

static void they_keep_their_room_when_there_are_too_many(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < STEER_ADDRESSES_MAX + 5; i++)
        add_v4(1, i, false);
    assert_int_equal(list.left_out, 5);
    for (uint32_t i = 0; i < 7; i++)
        add_v4(2, i, true);
    add_v6(2, 0, true);
    assert_int_equal(list.n_v4, STEER_ADDRESSES_MAX);
    assert_int_equal(list.n_own_v4, 7);
    assert_int_equal(list.left_out, 12);
    assert_int_equal(list.n_v6, 1); // a family's room is its own
    for (uint32_t i = 0; i < 7; i++)
        assert_true(has_v4(2, i));
}

static void more_of_its_own_than_there_is_room_are_counted(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < STEER_ADDRESSES_MAX + 3; i++)
        add_v6(2, i, true);
    add_v6(1, 0, false);
    assert_int_equal(list.n_v6, STEER_ADDRESSES_MAX);
    assert_int_equal(list.n_own_v6, STEER_ADDRESSES_MAX);
    assert_int_equal(list.left_out, 4);
}

static void loopback_takes_no_room(void **state)
{
    (void)state;
    const uint8_t v4[4] = {127, 0, 0, 1};
    const uint8_t v6[16] = {[15] = 1};
    addresses_add_v4(&list, v4, true);
    addresses_add_v6(&list, v6, true);
    assert_int_equal(list.n_v4 + list.n_v6 + list.left_out, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_served_interfaces_stand_first, fresh),
        cmocka_unit_test_setup(they_keep_their_room_when_there_are_too_many, fresh),
        cmocka_unit_test_setup(more_of_its_own_than_there_is_room_are_counted, fresh),
        cmocka_unit_test_setup(loopback_takes_no_room, fresh),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
