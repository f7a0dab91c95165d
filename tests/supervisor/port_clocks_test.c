// The clocks of the ports' devices: the kernel is this test. What a device was set to before is set
// again at the end, and a driver that refuses costs nothing.
#include "supervisor/port_clocks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/ptp_clock.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <cmocka.h>

static struct {
    int phc_index; // of the device
    uint32_t filters, types;
    struct hwtstamp_config now;
    bool refuses, refuses_all;
    unsigned index;  // of the interface
    unsigned n_set;  // calls of SIOCSHWTSTAMP
    char opened[32]; // the last device's path
} kernel;

static struct config config;
static struct port_clocks clocks;

unsigned __wrap_if_nametoindex(const char *name);
unsigned __wrap_if_nametoindex(const char *name)
{
    assert_string_equal(name, "eth7");
    return kernel.index;
}

int __real_open64(const char *path, int flags);
int __wrap_open64(const char *path, int flags);
int __wrap_open64(const char *path, int flags)
{
    snprintf(kernel.opened, sizeof kernel.opened, "%s", path);
    return __real_open64("/dev/null", flags);
}

static int of_interface(unsigned long request, void *data)
{
    switch (request) {
    case SIOCETHTOOL: {
        struct ethtool_ts_info *info = data;
        info->phc_index = kernel.phc_index;
        info->rx_filters = kernel.filters;
        info->tx_types = kernel.types;
        return 0;
    }
    case SIOCGHWTSTAMP:
        *(struct hwtstamp_config *)data = kernel.now;
        return 0;
    case SIOCSHWTSTAMP:
        kernel.n_set++;
        if (kernel.refuses ||
            (kernel.refuses_all &&
             ((const struct hwtstamp_config *)data)->rx_filter == HWTSTAMP_FILTER_ALL)) {
            errno = ERANGE;
            return -1;
        }
        kernel.now = *(const struct hwtstamp_config *)data;
        return 0;
    default:
        fail();
        return -1;
    }
}

int __wrap_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, void *argument)
{
    (void)fd;
    if (request == PTP_CLOCK_GETCAPS)
        return 0;
    const struct ifreq *of = argument;
    assert_string_equal(of->ifr_name, "eth7");
    return of_interface(request, of->ifr_data);
}

static int open_all(void **state)
{
    (void)state;
    memset(&kernel, 0, sizeof kernel);
    memset(&config, 0, sizeof config);
    kernel.phc_index = 3;
    kernel.index = 5;
    kernel.filters = 1U << HWTSTAMP_FILTER_ALL | 1U << HWTSTAMP_FILTER_NONE;
    kernel.types = 1U << HWTSTAMP_TX_ON | 1U << HWTSTAMP_TX_OFF;
    config.dataplane.interleaved = SWITCH_TRUE;
    kernel.now = (struct hwtstamp_config){.tx_type = HWTSTAMP_TX_ON,
                                          .rx_filter = HWTSTAMP_FILTER_PTP_V2_EVENT};
    config.dataplane.n_ports = 2;
    config.dataplane.ports[0] = (struct config_port){.kind = PORT_VDEV, .device = "net_memif0"};
    config.dataplane.ports[1] = (struct config_port){.kind = PORT_INTERFACE, .device = "eth7"};
    port_clocks_init(&clocks);
    return 0;
}

static void what_was_set_is_set_again(void **state)
{
    (void)state;
    port_clocks_renew(&clocks, &config);
    assert_int_equal(clocks.of[0].fd, -1);
    assert_true(clocks.of[1].fd >= 0);
    assert_string_equal(kernel.opened, "/dev/ptp3");
    assert_int_equal(kernel.now.rx_filter, HWTSTAMP_FILTER_ALL);
    assert_int_equal(kernel.now.tx_type, HWTSTAMP_TX_ON);
    port_clocks_renew(&clocks, &config); // nothing has changed
    assert_int_equal(kernel.n_set, 1);
    port_clocks_close(&clocks, &config);
    assert_int_equal(kernel.now.rx_filter, HWTSTAMP_FILTER_PTP_V2_EVENT);
    assert_int_equal(kernel.now.tx_type, HWTSTAMP_TX_ON);
    assert_int_equal(clocks.of[1].fd, -1);
    port_clocks_close(&clocks, &config);
    assert_int_equal(kernel.n_set, 2);
}

static void what_stamps_all_already_stays(void **state)
{
    (void)state;
    kernel.now.rx_filter = HWTSTAMP_FILTER_ALL;
    port_clocks_renew(&clocks, &config);
    port_clocks_close(&clocks, &config);
    assert_int_equal(kernel.n_set, 0);
}

static void a_driver_may_refuse(void **state)
{
    (void)state;
    kernel.refuses = true;
    port_clocks_renew(&clocks, &config);
    assert_true(clocks.of[1].fd >= 0); // departures may be stamped all the same
    port_clocks_close(&clocks, &config);
    assert_int_equal(kernel.n_set, 1);
    kernel.refuses = false;
    kernel.filters = 1U << HWTSTAMP_FILTER_PTP_V2_EVENT;
    port_clocks_renew(&clocks, &config);
    port_clocks_close(&clocks, &config);
    assert_int_equal(kernel.n_set, 1);
}

// Departures are stamped for interleaved mode, also where the driver does not stamp all that
// arrives.
static void departures_are_switched_on(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        open_all(NULL);
        kernel.now = (struct hwtstamp_config){.tx_type = HWTSTAMP_TX_OFF};
        kernel.refuses_all = i == 1;
        if (i == 2)
            kernel.filters = 1U << HWTSTAMP_FILTER_PTP_V2_EVENT;
        port_clocks_renew(&clocks, &config);
        assert_int_equal(kernel.now.tx_type, HWTSTAMP_TX_ON);
        assert_int_equal(kernel.now.rx_filter, i == 0 ? HWTSTAMP_FILTER_ALL : HWTSTAMP_FILTER_NONE);
        port_clocks_close(&clocks, &config);
        assert_int_equal(kernel.now.tx_type, HWTSTAMP_TX_OFF);
        assert_int_equal(kernel.now.rx_filter, HWTSTAMP_FILTER_NONE);
    }
    open_all(NULL);
    config.dataplane.interleaved = SWITCH_FALSE;
    kernel.now = (struct hwtstamp_config){.tx_type = HWTSTAMP_TX_OFF};
    port_clocks_renew(&clocks, &config);
    assert_int_equal(kernel.now.tx_type, HWTSTAMP_TX_OFF);
    port_clocks_close(&clocks, &config);
    open_all(NULL);
    config.dataplane.interleaved = SWITCH_FALSE;
    config.dataplane.launch_time = SWITCH_TRUE; // they show whether the device waits
    kernel.now = (struct hwtstamp_config){.tx_type = HWTSTAMP_TX_OFF};
    port_clocks_renew(&clocks, &config);
    assert_int_equal(kernel.now.tx_type, HWTSTAMP_TX_ON);
    port_clocks_close(&clocks, &config);
    config.dataplane.launch_time = SWITCH_FALSE;
}

static void without_a_clock_nothing_is_set(void **state)
{
    (void)state;
    kernel.phc_index = -1;
    port_clocks_renew(&clocks, &config);
    assert_int_equal(clocks.of[1].fd, -1);
    kernel.phc_index = 3;
    kernel.index = 0; // there is no such interface
    port_clocks_renew(&clocks, &config);
    assert_int_equal(clocks.of[1].fd, -1);
    assert_int_equal(kernel.n_set, 0);
}

// An interface that was deleted and made again is set again. The setting of the old one is gone
// with it.
static void a_new_interface_is_set(void **state)
{
    (void)state;
    port_clocks_renew(&clocks, &config);
    kernel.index = 6;
    kernel.now.rx_filter = HWTSTAMP_FILTER_NONE;
    port_clocks_renew(&clocks, &config);
    assert_int_equal(kernel.now.rx_filter, HWTSTAMP_FILTER_ALL);
    port_clocks_close(&clocks, &config);
    assert_int_equal(kernel.now.rx_filter, HWTSTAMP_FILTER_NONE);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_was_set_is_set_again, open_all),
        cmocka_unit_test_setup(what_stamps_all_already_stays, open_all),
        cmocka_unit_test_setup(a_driver_may_refuse, open_all),
        cmocka_unit_test_setup(departures_are_switched_on, open_all),
        cmocka_unit_test_setup(without_a_clock_nothing_is_set, open_all),
        cmocka_unit_test_setup(a_new_interface_is_set, open_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
