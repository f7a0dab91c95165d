// What is said about a port that does not come up: right for its cause, under any DPDK.
#include "dataplane/port/eal/advice.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void packages_follow_dpdk(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned year, month;
        const char *package;
    } rows[] = {
        {"net_memif0,role=server,id=7", 22, 11, "librte-net-memif23"},
        {"net_memif0", 24, 11, "librte-net-memif25"},
        {"net_memif0", 23, 3, "librte-net-memif23"},
        {"net_memif0", 23, 7, "librte-net-memif23"},
        {"net_af_packet12,iface=x", 24, 11, "librte-net-af-packet25"},
        {"net_tap", 24, 11, "librte-net-tap25"},
        {"crypto_null0", 24, 11, "librte-net-DRIVER25"},
        {"net_", 24, 11, "librte-net-DRIVER25"},
        {"net_%s%n", 24, 11, "librte-net-DRIVER25"},
        {"net_a_name_that_is_longer_than_any_driver_has", 24, 11, "librte-net-DRIVER25"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char package[64];
        advice_package(rows[i].text, rows[i].year, rows[i].month, package, sizeof package);
        assert_string_equal(package, rows[i].package);
    }
}

// The words are DPDK's and the kernel's; those of the memif driver are the same in 22.11 and 24.11.
static void causes_are_known_by_their_words(void **state)
{
    (void)state;
    static const struct {
        const char *cause;
        int fault;
        const char *advice; // NULL: none is right
    } rows[] = {
        {"memif_check_socket_filename(): Invalid socket directory.", -EINVAL,
         "directory of its socket must exist"},
        {"libxdp: Couldn't open BPF file: No such file or directory", -ENOENT, NULL},
        {"EAL: failed to parse device \"net_nonesuch0\"", -EFAULT, NULL},
        {"Failed to setup socket /run/m: Address already in use", -EADDRINUSE, "end that one"},
        {"libxdp: Operation not permitted", -EPERM, "CAP_BPF"},
        {"", -EPERM, NULL}, // -1 is drivers' word for anything
        {"", -ENOMEM, "hugepages"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *advice = advice_for(rows[i].cause, rows[i].fault);
        if (rows[i].advice == NULL)
            assert_null(advice);
        else
            assert_non_null(strstr(advice, rows[i].advice));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packages_follow_dpdk),
        cmocka_unit_test(causes_are_known_by_their_words),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("port/eal/advice", tests, NULL, NULL);
}
