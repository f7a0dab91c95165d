// What the XDP program is told of addresses, and which are kept when there are more than it has
// room for.
#include "dataplane/port/xdp/address_list.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct address_list list; // large

static void add_v4(uint8_t net, uint32_t n, bool own)
{
    const uint8_t address[4] = {10, net, (uint8_t)(n >> 8), (uint8_t)n};
    address_list_add_v4(&list, address, STEER_OURS, own);
}

static void add_v6(uint8_t net, uint32_t n, bool own)
{
    uint8_t address[16] = {0xfd, net};
    address[14] = (uint8_t)(n >> 8);
    address[15] = (uint8_t)n;
    address_list_add_v6(&list, address, STEER_OURS, own);
}

static void add_kind(uint8_t n, enum steer_address kind, bool own)
{
    const uint8_t v4[4] = {10, 0, 0, n};
    const uint8_t v6[16] = {0xfd, [15] = n};
    address_list_add_v4(&list, v4, kind, own);
    address_list_add_v6(&list, v6, kind, own);
}

static void add_broadcast(uint8_t net, uint32_t n)
{
    const uint8_t address[4] = {10, net, (uint8_t)(n >> 8), (uint8_t)n};
    address_list_add_broadcast(&list, address);
}

// The kind that the program is told; 0: it is not told of the address.
static int kind_v4(uint8_t net, uint32_t n)
{
    const uint8_t address[4] = {10, net, (uint8_t)(n >> 8), (uint8_t)n};
    int kind = 0;
    for (uint32_t i = 0; i < list.n_v4 + list.n_broadcast; i++) {
        if (memcmp(list.v4[i], address, 4) == 0) {
            assert_int_equal(kind, 0); // no address is there twice
            kind = list.v4_kind[i];
        }
    }
    return kind;
}

static int kind_v6(uint8_t n)
{
    const uint8_t address[16] = {0xfd, [15] = n};
    int kind = 0;
    for (uint32_t i = 0; i < list.n_v6; i++) {
        if (memcmp(list.v6[i], address, 16) == 0) {
            assert_int_equal(kind, 0);
            kind = list.v6_kind[i];
        }
    }
    return kind;
}

static bool has_v4(uint8_t net, uint32_t n)
{
    return kind_v4(net, n) != 0;
}

static void assert_kinds(uint8_t n, int kind)
{
    assert_int_equal(kind_v4(0, n), kind);
    assert_int_equal(kind_v6(n), kind);
}

static int fresh(void **state)
{
    (void)state;
    const struct config_port all = {.n_addresses = 0};
    memset(&list, 0xa5, sizeof list);
    address_list_begin(&list, &all);
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
    address_list_add_v4(&list, v4, STEER_OURS, true);
    address_list_add_v6(&list, v6, STEER_OURS, true);
    address_list_add_broadcast(&list, v4);
    address_list_end(&list);
    assert_int_equal(list.n_v4 + list.n_v6 + list.n_broadcast + list.left_out, 0);
}

static void an_address_that_stands_twice_has_the_smaller_kind(void **state)
{
    (void)state;
    add_kind(1, STEER_OURS_TAGGED, false);
    add_kind(1, STEER_OURS, false);
    add_kind(2, STEER_OURS, false);
    add_kind(2, STEER_OURS_TAGGED, false);
    add_kind(3, STEER_OURS_TAGGED, false);
    add_kind(3, STEER_OURS_TAGGED, false);
    add_kind(4, STEER_OURS, true);
    add_kind(4, STEER_OURS_TAGGED, false);
    address_list_end(&list);
    assert_kinds(1, STEER_OURS);
    assert_kinds(2, STEER_OURS);
    assert_kinds(3, STEER_OURS_TAGGED);
    assert_kinds(4, STEER_OURS);
    assert_int_equal(list.n_v4, 4);
    assert_int_equal(list.n_v6, 4);
}

// An anycast address of lo that the served interface has too.
static void one_that_the_served_interface_has_too_is_its_own(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < STEER_ADDRESSES_MAX; i++)
        add_v4(1, i, false);
    add_v4(1, 7, true);
    add_v4(1, 7, true);
    assert_int_equal(list.n_own_v4, 1);
    assert_int_equal(list.v4[0][3], 7);
    assert_int_equal(list.n_v4, STEER_ADDRESSES_MAX);
    assert_int_equal(list.left_out, 0);
    for (uint32_t i = 0; i < STEER_ADDRESSES_MAX; i++)
        assert_true(has_v4(1, i));
}

static void broadcast_addresses_take_no_room_from_the_others(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < STEER_ADDRESSES_MAX + 2; i++)
        add_broadcast(3, i);
    for (uint32_t i = 0; i < STEER_ADDRESSES_MAX; i++)
        add_v4(1, i, false);
    address_list_end(&list);
    assert_int_equal(list.left_out, 2);
    assert_int_equal(address_list_served_v4(&list), STEER_ADDRESSES_MAX);
    for (uint32_t i = 0; i < STEER_ADDRESSES_MAX; i++) {
        assert_int_equal(kind_v4(1, i), STEER_OURS);
        assert_int_equal(kind_v4(3, i), STEER_NOT_SERVED);
    }
}

// The last address of one subnet can be the address of a host in another subnet. One subnet can
// have several addresses of ours.
static void a_broadcast_address_of_ours_is_served(void **state)
{
    (void)state;
    add_broadcast(0, 255);
    add_broadcast(0, 255);
    add_broadcast(0, 127);
    add_kind(255, STEER_OURS, false);
    address_list_end(&list);
    assert_kinds(255, STEER_OURS);
    assert_int_equal(kind_v4(0, 127), STEER_NOT_SERVED);
    assert_int_equal(list.n_broadcast, 1);
    assert_int_equal(address_list_served_v4(&list), 1);
    assert_int_equal(address_list_served_v6(&list), 1);
}

static void of_configured_addresses_no_others_are_served(void **state)
{
    (void)state;
    const struct config_port port = {
        .n_addresses = 4,
        .addresses = {{.family = AF_INET, .octets = {10, 0, 0, 1}},
                      {.family = AF_INET, .octets = {10, 0, 0, 2}},
                      {.family = AF_INET, .octets = {10, 0, 0, 3}},
                      {.family = AF_INET6, .octets = {0xfd, [15] = 1}}},
    };
    address_list_begin(&list, &port);
    // The named ones have their room, however many others there are.
    for (uint32_t i = 0; i < STEER_ADDRESSES_MAX; i++)
        add_v4(1, i, true);
    add_kind(1, STEER_OURS_TAGGED, false);
    add_kind(2, STEER_OURS, false);
    add_kind(4, STEER_OURS, true);
    add_broadcast(0, 255);
    address_list_end(&list);
    assert_kinds(1, STEER_OURS_TAGGED);
    assert_int_equal(kind_v4(0, 2), STEER_OURS);
    assert_int_equal(kind_v4(0, 3), STEER_OURS); // the kernel does not have it
    assert_int_equal(kind_v4(1, 0), STEER_NOT_SERVED);
    assert_int_equal(kind_v6(2), STEER_NOT_SERVED);
    assert_int_equal(kind_v6(4), STEER_NOT_SERVED);
    assert_int_equal(kind_v4(0, 255), STEER_NOT_SERVED);
    assert_int_equal(address_list_served_v4(&list), 3);
    assert_int_equal(address_list_served_v6(&list), 1);
    assert_int_equal(list.left_out, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_served_interfaces_stand_first, fresh),
        cmocka_unit_test_setup(they_keep_their_room_when_there_are_too_many, fresh),
        cmocka_unit_test_setup(more_of_its_own_than_there_is_room_are_counted, fresh),
        cmocka_unit_test_setup(loopback_takes_no_room, fresh),
        cmocka_unit_test_setup(an_address_that_stands_twice_has_the_smaller_kind, fresh),
        cmocka_unit_test_setup(one_that_the_served_interface_has_too_is_its_own, fresh),
        cmocka_unit_test_setup(broadcast_addresses_take_no_room_from_the_others, fresh),
        cmocka_unit_test_setup(a_broadcast_address_of_ours_is_served, fresh),
        cmocka_unit_test_setup(of_configured_addresses_no_others_are_served, fresh),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
