#include "dataplane/port/xdp/tx_features.h"

#include "dataplane/port/xdp/netlink.h"

#include <assert.h>
#include <linux/genetlink.h>
#include <string.h>

// Of the family "netdev", which Debian 12's headers lack.
enum {
    DEV_GET = 1,      // NETDEV_CMD_DEV_GET
    DEV_IFINDEX = 1,  // NETDEV_A_DEV_IFINDEX
    DEV_FEATURES = 6, // NETDEV_A_DEV_XSK_FEATURES
    VALUE_MAX = 8,    // octets of an attribute that is asked or read here
};

// A message with one attribute.
struct question {
    struct nlmsghdr head;
    struct genlmsghdr command;
    struct nlattr attribute;
    uint8_t value[VALUE_MAX];
};

static struct question question_of(uint16_t family, uint8_t command, uint16_t attribute,
                                   const void *value, uint16_t len)
{
    struct question question = {
        .head = {.nlmsg_type = family, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
        .command = {.cmd = command, .version = 1},
        .attribute = {.nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = attribute},
    };
    memcpy(question.value, value, len);
    question.head.nlmsg_len =
        (uint32_t)(NLMSG_LENGTH(GENL_HDRLEN) + NLA_HDRLEN + NLA_ALIGN((uint32_t)len));
    return question;
}

// The answer's attribute of that type.
struct wanted {
    uint16_t type;
    uint16_t len;
    void *value;
};

static void take_attribute(const struct nlmsghdr *message, void *with)
{
    const struct wanted *wanted = with;
    const size_t heads = NLMSG_LENGTH(GENL_HDRLEN);
    if (message->nlmsg_len < heads)
        return;
    const uint8_t *at = (const uint8_t *)message + heads;
    size_t left = message->nlmsg_len - heads;
    struct nlattr attribute;
    while (left >= sizeof attribute) {
        memcpy(&attribute, at, sizeof attribute);
        if (attribute.nla_len < sizeof attribute || attribute.nla_len > left)
            return;
        if ((attribute.nla_type & NLA_TYPE_MASK) == wanted->type &&
            attribute.nla_len >= NLA_HDRLEN + wanted->len)
            memcpy(wanted->value, at + NLA_HDRLEN, wanted->len);
        const size_t step = NLA_ALIGN((size_t)attribute.nla_len);
        if (step > left)
            return;
        at += step;
        left -= step;
    }
}

uint32_t tx_features_read(unsigned ifindex, bool zero_copy)
{
    static const char name[] = "netdev";
    static_assert(sizeof name <= VALUE_MAX, "a question has room for the name");
    const uint32_t index = ifindex;
    uint16_t family = 0;
    uint64_t features = 0;
    struct wanted wanted = {CTRL_ATTR_FAMILY_ID, sizeof family, &family};
    struct question question =
        question_of(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, name, sizeof name);
    if (!zero_copy)
        return 0;
    if (netlink_ask(NETLINK_GENERIC, &question.head, GENL_ID_CTRL, take_attribute, &wanted) != 0 ||
        family == 0)
        return 0;
    wanted = (struct wanted){DEV_FEATURES, sizeof features, &features};
    question = question_of(family, DEV_GET, DEV_IFINDEX, &index, sizeof index);
    if (netlink_ask(NETLINK_GENERIC, &question.head, family, take_attribute, &wanted) != 0)
        return 0;
    return (uint32_t)features;
}
