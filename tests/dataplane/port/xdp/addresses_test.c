// Reading the kernel's messages: which interfaces stand on the served one, and which kind each
// address has. The messages are made here, because not every kernel has VLANs.
#include "dataplane/port/xdp/addresses.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { SERVED = 2, VLAN = 5, OTHER = 6, MASTER = 7, NO_INFO = 0 };

static const uint8_t own_mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t other_mac[6] = {2, 0, 0, 0, 0, 2};

static struct links links; // large
static struct address_list list;

struct message {
    _Alignas(struct nlmsghdr) uint8_t octets[512];
};

static struct nlmsghdr *begin(struct message *m, uint16_t type, const void *body, size_t len)
{
    memset(m, 0, sizeof *m);
    struct nlmsghdr *head = (void *)m->octets;
    head->nlmsg_type = type;
    head->nlmsg_len = NLMSG_LENGTH(len);
    memcpy(NLMSG_DATA(head), body, len);
    return head;
}

static void put(struct nlmsghdr *head, uint16_t type, const void *value, size_t len)
{
    struct rtattr *item = (void *)((uint8_t *)head + NLMSG_ALIGN(head->nlmsg_len));
    item->rta_type = type;
    item->rta_len = (uint16_t)RTA_LENGTH(len);
    memcpy(RTA_DATA(item), value, len);
    head->nlmsg_len = NLMSG_ALIGN(head->nlmsg_len) + RTA_ALIGN(item->rta_len);
}

struct shape {
    unsigned index, below, master;
    const char *kind; // NULL: a device without one
    const uint8_t *mac;
    bool foreign; // `below` is of another namespace
};

static void take_link(struct shape shape)
{
    const struct ifinfomsg body = {.ifi_index = (int)shape.index};
    struct message m;
    struct nlmsghdr *head = begin(&m, RTM_NEWLINK, &body, sizeof body);
    put(head, IFLA_ADDRESS, shape.mac ? shape.mac : own_mac, 6);
    if (shape.below)
        put(head, IFLA_LINK, &shape.below, sizeof shape.below);
    if (shape.master)
        put(head, IFLA_MASTER, &shape.master, sizeof shape.master);
    if (shape.foreign)
        put(head, IFLA_LINK_NETNSID, &(int){0}, sizeof(int));
    if (shape.kind) {
        struct message info;
        struct nlmsghdr *inner = begin(&info, NO_INFO, "", 0);
        put(inner, IFLA_INFO_KIND, shape.kind, strlen(shape.kind) + 1);
        put(inner, IFLA_INFO_DATA, "\0\0\0\1", 4);
        put(head, IFLA_LINKINFO, NLMSG_DATA(inner), inner->nlmsg_len - NLMSG_HDRLEN);
    }
    links_take(&links, SERVED, head);
}

struct said {
    unsigned index;
    unsigned prefix_len;
    uint32_t flags;
    const char *local, *address, *broadcast; // NULL: not said
};

static void put_address(struct nlmsghdr *head, uint16_t type, const char *text)
{
    uint8_t octets[16];
    const int family = text && strchr(text, ':') ? AF_INET6 : AF_INET;
    if (text == NULL)
        return;
    assert_int_equal(inet_pton(family, text, octets), 1);
    put(head, type, octets, family == AF_INET6 ? 16 : 4);
}

static void take(struct said said)
{
    const struct ifaddrmsg body = {
        .ifa_family = strchr(said.address, ':') ? AF_INET6 : AF_INET,
        .ifa_prefixlen = (uint8_t)said.prefix_len,
        .ifa_index = said.index,
    };
    struct message m;
    struct nlmsghdr *head = begin(&m, RTM_NEWADDR, &body, sizeof body);
    put_address(head, IFA_ADDRESS, said.address);
    put_address(head, IFA_LOCAL, said.local);
    put_address(head, IFA_BROADCAST, said.broadcast);
    put(head, IFA_FLAGS, &said.flags, sizeof said.flags);
    addresses_take(SERVED, &links, head, &list);
}

// The kind that the program is told; 0: it is not told of the address.
static int kind(const char *text)
{
    uint8_t octets[16];
    const bool v6 = strchr(text, ':') != NULL;
    assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, text, octets), 1);
    for (uint32_t i = 0; v6 && i < list.n_v6; i++)
        if (memcmp(list.v6[i], octets, 16) == 0)
            return list.v6_kind[i];
    for (uint32_t i = 0; !v6 && i < list.n_v4 + list.n_broadcast; i++)
        if (memcmp(list.v4[i], octets, 4) == 0)
            return list.v4_kind[i];
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    const struct config_port all = {.n_addresses = 0};
    memset(&links, 0xa5, sizeof links);
    links_begin(&links);
    address_list_begin(&list, &all);
    return 0;
}

// What stands on the served interface, one set of other interfaces at a time.
static void what_stands_on_the_interface_is_known(void **state)
{
    static const struct {
        const char *what;
        struct shape shape[2];
        unsigned master;
        bool vlan_above, other_mac;
    } rows[] = {
        {"nothing", {{.index = OTHER}}, 0, false, false},
        {"a VLAN", {{.index = VLAN, .below = SERVED, .kind = "vlan"}}, 0, true, false},
        {"a VLAN of another", {{.index = VLAN, .below = OTHER, .kind = "vlan"}}, 0, false, false},
        {"a VLAN with a MAC address of its own",
         {{.index = VLAN, .below = SERVED, .kind = "vlan", .mac = other_mac}},
         0,
         true,
         true},
        {"a VLAN of another namespace's interface",
         {{.index = VLAN, .below = SERVED, .kind = "vlan", .mac = other_mac, .foreign = true}},
         0,
         false,
         false},
        {"a macvlan",
         {{.index = OTHER, .below = SERVED, .kind = "macvlan", .mac = other_mac}},
         0,
         false,
         true},
        {"a veth whose peer it is",
         {{.index = OTHER, .below = SERVED, .kind = "veth", .mac = other_mac}},
         0,
         false,
         false},
        {"a bridge with another MAC address",
         {{.index = MASTER, .kind = "bridge", .mac = other_mac}},
         MASTER,
         false,
         true},
        {"somebody else's bridge",
         {{.index = MASTER, .kind = "bridge", .mac = other_mac}},
         0,
         false,
         false},
        {"a bond, and a VLAN on it",
         {{.index = VLAN, .below = MASTER, .kind = "vlan"}, {.index = MASTER, .kind = "bond"}},
         MASTER,
         true,
         false},
        {"a kind that only begins so",
         {{.index = VLAN, .below = SERVED, .kind = "vlanx", .mac = other_mac}},
         0,
         false,
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fresh(state);
        for (int j = 0; j < 2 && rows[i].shape[j].index != 0; j++)
            take_link(rows[i].shape[j]);
        take_link((struct shape){.index = SERVED, .master = rows[i].master});
        links_end(&links, SERVED);
        assert_memory_equal(links.mac, own_mac, 6);
        if (links.vlan_above != rows[i].vlan_above || links.other_mac != rows[i].other_mac)
            fail_msg("%s: VLAN above %d, other MAC %d", rows[i].what, links.vlan_above,
                     links.other_mac);
    }
}

static void more_interfaces_than_there_is_room_are_left_out(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LINKS_MAX + 2; i++)
        take_link((struct shape){.index = 100 + i, .below = OTHER, .kind = "vlan"});
    take_link((struct shape){.index = SERVED});
    links_end(&links, SERVED);
    assert_true(links_is_vlan(&links, 100));
    assert_true(links_is_vlan(&links, 100 + LINKS_MAX - 1));
    assert_false(links_is_vlan(&links, 100 + LINKS_MAX));
    assert_memory_equal(links.mac, own_mac, 6);
}

static void addresses_of_vlans_need_a_tag(void **state)
{
    (void)state;
    take_link((struct shape){.index = VLAN, .below = SERVED, .kind = "vlan"});
    take((struct said){VLAN, 24, 0, "192.0.2.1", "192.0.2.1", NULL});
    take((struct said){VLAN, 64, 0, NULL, "2001:db8::1", NULL});
    take((struct said){VLAN, 24, 0, "192.0.2.2", "192.0.2.2", NULL});
    take((struct said){OTHER, 24, 0, "192.0.2.2", "192.0.2.2", NULL});
    take((struct said){SERVED, 24, 0, "192.0.2.3", "192.0.2.3", NULL});
    address_list_end(&list);
    assert_int_equal(kind("192.0.2.1"), STEER_OURS_TAGGED);
    assert_int_equal(kind("2001:db8::1"), STEER_OURS_TAGGED);
    assert_int_equal(kind("192.0.2.2"), STEER_OURS);
    assert_int_equal(kind("192.0.2.3"), STEER_OURS);
}

// The XDP program of a VLAN interface sees frames without their tag.
static void but_not_those_of_a_served_vlan(void **state)
{
    (void)state;
    take_link((struct shape){.index = SERVED, .below = OTHER, .kind = "vlan"});
    links_end(&links, SERVED);
    take((struct said){SERVED, 24, 0, "192.0.2.1", "192.0.2.1", NULL});
    assert_int_equal(kind("192.0.2.1"), STEER_OURS);
    assert_false(links.vlan_above);
}

static void broadcast_addresses_are_the_kernels(void **state)
{
    (void)state;
    take((struct said){SERVED, 24, 0, "192.0.2.1", "192.0.2.1", NULL});
    take((struct said){SERVED, 25, 0, "198.51.100.1", "198.51.100.1", "198.51.100.200"});
    take((struct said){OTHER, 24, 0, "10.0.0.1", "10.0.1.1", NULL}); // its peer has the subnet
    take((struct said){OTHER, 31, 0, "10.0.2.1", "10.0.2.1", NULL});
    take((struct said){OTHER, 32, 0, "10.0.3.1", "10.0.3.1", NULL});
    take((struct said){OTHER, 0, 0, "10.0.4.1", "10.0.4.1", NULL});
    address_list_end(&list);
    assert_int_equal(kind("192.0.2.255"), STEER_NOT_SERVED);
    assert_int_equal(kind("198.51.100.127"), STEER_NOT_SERVED);
    assert_int_equal(kind("198.51.100.200"), STEER_NOT_SERVED);
    assert_int_equal(kind("10.0.1.255"), STEER_NOT_SERVED);
    assert_int_equal(kind("10.0.0.1"), STEER_OURS);
    assert_int_equal(kind("10.0.1.1"), 0);
    assert_int_equal(list.n_broadcast, 4);
}

static void addresses_that_cannot_be_used_are_left_out(void **state)
{
    (void)state;
    take((struct said){SERVED, 64, IFA_F_TENTATIVE, NULL, "2001:db8::1", NULL});
    take((struct said){SERVED, 64, IFA_F_DADFAILED, NULL, "2001:db8::2", NULL});
    take((struct said){SERVED, 64, IFA_F_TENTATIVE | IFA_F_OPTIMISTIC, NULL, "2001:db8::3", NULL});
    take((struct said){SERVED, 64, 0, NULL, "fe80::1", NULL});
    take((struct said){OTHER, 64, 0, NULL, "fe80::2", NULL});
    take((struct said){OTHER, 128, 0, NULL, "::1", NULL});
    take((struct said){OTHER, 8, 0, "127.0.0.1", "127.0.0.1", "127.255.255.255"});
    address_list_end(&list);
    assert_int_equal(kind("2001:db8::3"), STEER_OURS);
    assert_int_equal(kind("fe80::1"), STEER_OURS);
    assert_int_equal(list.n_v6, 2);
    assert_int_equal(list.n_v4 + list.n_broadcast, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_stands_on_the_interface_is_known, fresh),
        cmocka_unit_test_setup(more_interfaces_than_there_is_room_are_left_out, fresh),
        cmocka_unit_test_setup(addresses_of_vlans_need_a_tag, fresh),
        cmocka_unit_test_setup(but_not_those_of_a_served_vlan, fresh),
        cmocka_unit_test_setup(broadcast_addresses_are_the_kernels, fresh),
        cmocka_unit_test_setup(addresses_that_cannot_be_used_are_left_out, fresh),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
