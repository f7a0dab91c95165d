// What the kernel announces of a driver, when the kernel is this test: netlink_ask is swapped at
// the link.
#include "dataplane/port/xdp/tx_features.h"

#include "dataplane/port/xdp/netlink.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { FAMILY = 31, IFINDEX = 7 };

// The answers: attributes of the family, and of the device.
static struct {
    bool family, device;
    uint64_t features;
    uint16_t len; // of the attribute with them, without its header
    unsigned cut; // octets that the message says to be shorter than it is
    unsigned asked;
} kernel;

struct answer {
    struct nlmsghdr head;
    struct genlmsghdr command;
    _Alignas(4) uint8_t attributes[64];
    uint32_t len; // of attributes
};

static void add(struct answer *answer, uint16_t type, const void *value, uint16_t len)
{
    const struct nlattr attribute = {.nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type};
    memcpy(answer->attributes + answer->len, &attribute, sizeof attribute);
    memcpy(answer->attributes + answer->len + NLA_HDRLEN, value, len);
    answer->len += (uint32_t)NLA_ALIGN(NLA_HDRLEN + len);
}

int __wrap_netlink_ask(int protocol, const struct nlmsghdr *request, uint16_t type,
                       void (*visit)(const struct nlmsghdr *message, void *with), void *with);
int __wrap_netlink_ask(int protocol, const struct nlmsghdr *request, uint16_t type,
                       void (*visit)(const struct nlmsghdr *message, void *with), void *with)
{
    const struct genlmsghdr *command = NLMSG_DATA(request);
    const uint8_t *value = (const uint8_t *)command + GENL_HDRLEN + NLA_HDRLEN;
    const uint64_t other = UINT64_MAX;
    const uint16_t family = FAMILY;
    struct answer answer = {.head = {.nlmsg_type = type}};
    kernel.asked++;
    assert_int_equal(protocol, NETLINK_GENERIC);
    assert_int_equal(request->nlmsg_type, type);
    assert_int_equal(request->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
    if (type == GENL_ID_CTRL) {
        assert_int_equal(command->cmd, CTRL_CMD_GETFAMILY);
        assert_memory_equal(value, "netdev", 7);
        if (!kernel.family)
            return -ENOENT;
        add(&answer, CTRL_ATTR_FAMILY_NAME, "netdev", 7);
        add(&answer, CTRL_ATTR_FAMILY_ID, &family, sizeof family);
    } else {
        assert_int_equal(type, FAMILY);
        assert_int_equal(*(const uint32_t *)(const void *)value, IFINDEX);
        if (!kernel.device)
            return -ENODEV;
        add(&answer, 3, &other, 8); // features of XDP
        add(&answer, 6, &kernel.features, kernel.len);
    }
    answer.head.nlmsg_len = (uint32_t)NLMSG_LENGTH(GENL_HDRLEN) + answer.len - kernel.cut;
    visit(&answer.head, with);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    memset(&kernel, 0, sizeof kernel);
    kernel.family = kernel.device = true;
    kernel.len = 8;
    return 0;
}

static void features_are_read(void **state)
{
    (void)state;
    kernel.features = TX_FEATURE_STAMP | TX_FEATURE_LAUNCH;
    assert_int_equal(tx_features_read(IFINDEX, true), 5);
    assert_int_equal(tx_features_read(IFINDEX, false), 0);
    kernel.features = 0;
    assert_int_equal(tx_features_read(IFINDEX, true), 0);
}

static void an_older_kernel_has_none(void **state)
{
    (void)state;
    kernel.features = 7;
    kernel.device = false;
    assert_int_equal(tx_features_read(IFINDEX, true), 0);
    kernel.family = false;
    kernel.asked = 0;
    assert_int_equal(tx_features_read(IFINDEX, true), 0);
    assert_int_equal(kernel.asked, 1);
}

static void what_is_cut_off_is_not_read(void **state)
{
    (void)state;
    kernel.features = 7;
    kernel.len = 4;
    assert_int_equal(tx_features_read(IFINDEX, true), 0);
    kernel.len = 8;
    for (kernel.cut = 1; kernel.cut <= 4; kernel.cut++)
        assert_int_equal(tx_features_read(IFINDEX, true), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(features_are_read, forget),
        cmocka_unit_test_setup(an_older_kernel_has_none, forget),
        cmocka_unit_test_setup(what_is_cut_off_is_not_read, forget),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("xdp/tx_features", tests, NULL, NULL);
}
