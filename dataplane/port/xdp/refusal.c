#include "dataplane/port/xdp/refusal.h"

#include "base/log.h"
#include "dataplane/port/xdp/foreign_log.h"
#include "dataplane/port/xdp/xdp.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct known {
    int fault;
    const char *advice;
};

static const struct known known[] = {
    // veth_xdp_set(), which knows its other end
    {-ERANGE, "its peer's MTU is too large for XDP; 'ip link set dev PEER mtu 1500' fixes it"},
    {-ENOSPC, "it has fewer receive queues than its peer has transmit queues; 'ethtool -L PEER tx "
              "1' makes them equal"},
    {-ENOTCONN, "it has lost its peer; delete it and make it again"},
    // Drivers mostly refuse a large MTU so.
    {-EINVAL, "its driver refuses XDP, perhaps because its MTU is too large; 'ip link set dev %s "
              "mtu 1500' fixes that"},
    {-EPERM, "a capability is missing; it needs CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF and "
             "CAP_IPC_LOCK"},
    {-ENOMEM, "memory is short, or its driver has too few queues for XDP; 'ethtool -L %s' shows "
              "and changes them"},
};

const char *refusal_advice(int fault)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].fault == fault)
            return known[i].advice;
    return NULL;
}

static void say(const char *name, const char *advice, int fault)
{
    const char *cause = foreign_log_cause();
    if (cause[0] != '\0')
        log_error("%s: cannot be opened: %s (%s: %s)", name, advice, strerror(-fault), cause);
    else
        log_error("%s: cannot be opened: %s (%s)", name, advice, strerror(-fault));
}

void refusal_of_program(const char *name, const struct interface *interface, int fault)
{
    char advice[320];
    uint32_t id = 0;
    const char *otherwise = refusal_advice(fault);
    if (fault == -EBUSY || fault == -EEXIST) {
        xdp_program_id(interface->index, &id);
        snprintf(advice, sizeof advice,
                 "another XDP program (id %u) is attached to it: somebody else's, or what an older "
                 "noonmarkd left; 'ip link set dev %s xdp off' removes it, "
                 "unless a process holds it ('bpftool link' shows which)",
                 id, name);
    } else if (otherwise) {
        snprintf(advice, sizeof advice, otherwise, name);
    } else {
        snprintf(advice, sizeof advice,
                 "the driver '%s' or this kernel refuses XDP; 'ip -d link show %s' shows its state",
                 interface->driver, name);
    }
    say(name, advice, fault);
}

void refusal_of_socket(const char *name, uint32_t queue, int fault)
{
    char advice[160];
    if (fault == -EBUSY)
        snprintf(advice, sizeof advice,
                 "another AF_XDP socket uses its queue %u; 'ss --xdp --processes' shows whose",
                 queue);
    else
        snprintf(advice, sizeof advice, "its queue %u refuses an AF_XDP socket", queue);
    say(name, advice, fault);
}
