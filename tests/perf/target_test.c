// The addresses that a load may go to without --i-own-this-server.
#include "perf/target.h"

#include <arpa/inet.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static bool near(const char *text)
{
    struct sockaddr_storage address;
    char why[256], back[TARGET_TEXT_LEN];
    assert_int_equal(target_resolve(text, AF_UNSPEC, 4123, &address, why), 0);
    assert_int_equal(target_port(&address), 4123);
    assert_string_equal(target_text(&address, back), text);
    return target_is_near(&address);
}

static void near_ones(void **state)
{
    (void)state;
    static const char *const list[] = {
        "127.0.0.1",       "127.255.255.255", "10.0.0.0",     "10.255.255.255",
        "172.16.0.0",      "172.31.255.255",  "192.168.0.0",  "192.168.255.255",
        "169.254.0.1",     "169.254.255.255", "::1",          "fe80::1",
        "febf::1",         "fc00::1",         "fdff:ffff::1", "::ffff:10.0.0.1",
        "::ffff:127.0.0.1"};
    for (unsigned i = 0; i < sizeof list / sizeof *list; i++)
        if (!near(list[i]))
            fail_msg("%s is not near", list[i]);
}

// Documentation's networks, multicast, and what lies beside the private ones.
static void far_ones(void **state)
{
    (void)state;
    static const char *const list[] = {
        "192.0.2.1",       "198.51.100.7",    "203.0.113.255",    "126.255.255.255",
        "128.0.0.1",       "9.255.255.255",   "11.0.0.0",         "172.15.255.255",
        "172.32.0.0",      "192.167.255.255", "192.169.0.0",      "169.253.255.255",
        "169.255.0.0",     "0.0.0.0",         "224.0.0.1",        "224.0.1.1",
        "239.255.255.255", "255.255.255.255", "2001:db8::1",      "::",
        "fec0::1",         "fe7f::1",         "fbff::1",          "fe00::1",
        "ff02::1",         "ff05::101",       "::ffff:192.0.2.1", "::2",
        "64:ff9b::a00:1"};
    for (unsigned i = 0; i < sizeof list / sizeof *list; i++)
        if (near(list[i]))
            fail_msg("%s is near", list[i]);
}

static void resolving(void **state)
{
    (void)state;
    struct sockaddr_storage address;
    char why[256] = "";
    memset(&address, 7, sizeof address);
    assert_int_equal(target_resolve("127.0.0.1", AF_INET, 1, &address, why), 0);
    assert_int_equal(address.ss_family, AF_INET);
    assert_int_equal(target_resolve("::1", AF_INET6, 65535, &address, why), 0);
    assert_int_equal(target_port(&address), 65535);
    target_set_port(&address, 77);
    assert_int_equal(target_port(&address), 77);
    assert_string_equal(why, "");
    // An address of the other family: one line that names it and says what to do.
    assert_int_equal(target_resolve("::1", AF_INET, 1, &address, why), -1);
    assert_non_null(strstr(why, "::1"));
    assert_non_null(strstr(why, "; "));
    assert_null(strchr(why, '\n'));
}

int main(void)
{
    // A network of its own, so that the machine's do not decide; where that is not allowed, hope.
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) // root in a chroot may not have the former
        (void)unshare(CLONE_NEWNET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_ones),
        cmocka_unit_test(far_ones),
        cmocka_unit_test(resolving),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
