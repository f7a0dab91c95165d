// When an interface must be opened anew, how many of its queues can be served, and whether they
// share interrupts.
#include "dataplane/port/xdp/interface.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <linux/ethtool.h>

#include <cmocka.h>

static const struct interface then = {
    .index = 7, .mac = {2, 0, 0, 0, 0, 1}, .mtu = 1500, .queues = 4, .openable = 4};

static void one_that_is_as_it_was_stays(void **state)
{
    (void)state;
    struct interface now = then;
    assert_null(interface_change(&then, &now));
    now.mtu = 1400;
    assert_null(interface_change(&then, &now));
}

static void each_change_counts(void **state)
{
    (void)state;
    struct interface now = then;
    now.index = 0;
    assert_string_equal(interface_change(&then, &now), "there is no such interface any more");
    now.index = 8;
    assert_string_equal(interface_change(&then, &now), "the interface was made anew");
    now = then;
    now.mac[5] = 2;
    assert_string_equal(interface_change(&then, &now), "its MAC address has changed");
    now = then;
    now.queues = 5;
    assert_string_equal(interface_change(&then, &now), "its number of queues has changed");
    now = then;
    now.openable = 3;
    assert_string_equal(interface_change(&then, &now), "its number of queues has changed");
}

static void queues_that_receive_and_send_can_be_served(void **state)
{
    (void)state;
    static const struct {
        uint32_t combined, rx, tx, queues, openable;
    } row[] = {
        {0, 0, 0, 1, 1},                        // nothing is known
        {1, 0, 0, 1, 1},       {8, 0, 0, 8, 8}, // most NICs
        {4, 2, 0, 6, 4},                        // two that only receive
        {0, 1, 1, 1, 1},                        // veth
        {0, 2, 2, 2, 2},                        //
        {0, 4, 2, 4, 2},                        // with a peer that has fewer
        {0, 2, 4, 2, 2},                        //
        {300, 0, 0, 300, 256},                  // the program's map has no room for more
    };
    struct interface interface = {0};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        const struct ethtool_channels channels = {.combined_count = row[i].combined,
                                                  .rx_count = row[i].rx,
                                                  .tx_count = row[i].tx,
                                                  .other_count = 1};
        interface_count_queues(&interface, &channels);
        assert_int_equal(interface.queues, row[i].queues);
        assert_int_equal(interface.openable, row[i].openable);
    }
    interface_count_queues(&interface, NULL);
    assert_int_equal(interface.queues, 1);
    assert_int_equal(interface.openable, 1);
}

static bool is_split(const char *driver, uint32_t combined, uint32_t max)
{
    const struct ethtool_channels channels = {.combined_count = combined, .max_combined = max};
    struct interface interface = {0};
    snprintf(interface.driver, sizeof interface.driver, "%s", driver);
    interface_count_queues(&interface, &channels);
    return interface.split;
}

static void few_channels_of_igb_and_igc_have_two_interrupts_each(void **state)
{
    (void)state;
    const char *const drivers[] = {"igb", "igc"};
    for (unsigned i = 0; i < 2; i++) {
        assert_true(is_split(drivers[i], 1, 8));
        assert_true(is_split(drivers[i], 4, 8));
        assert_false(is_split(drivers[i], 5, 8));
        assert_false(is_split(drivers[i], 1, 1));
    }
    assert_false(is_split("ice", 1, 8));
    assert_false(is_split("", 0, 0));
    struct interface interface = {.driver = "igb", .split = true};
    interface_count_queues(&interface, NULL);
    assert_false(interface.split);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_as_it_was_stays),
        cmocka_unit_test(each_change_counts),
        cmocka_unit_test(queues_that_receive_and_send_can_be_served),
        cmocka_unit_test(few_channels_of_igb_and_igc_have_two_interrupts_each),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
