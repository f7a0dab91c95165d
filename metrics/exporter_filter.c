// The calls for connections from the listener, and for the link; nothing else: no file is opened,
// no socket made, no process signalled. A listener that an intruder shuts down is opened anew by
// the supervisor.
#include "metrics/exporter_filter.h"

#include "base/confine.h"
#include "link/handover.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

static const struct confine_call calls[] = {
    {.number = SCMP_SYS(accept4)},
    {.number = SCMP_SYS(recvfrom)},
    // sendto must have no address: with an address and MSG_FASTOPEN it would connect.
    {.number = SCMP_SYS(sendto), .n = 1, .argument = {{.arg = 4, .op = SCMP_CMP_EQ, .datum_a = 0}}},
    // Head and body of an answer together. All sockets here are connected, or the listener.
    {.number = SCMP_SYS(sendmsg)},
    {.number = SCMP_SYS(shutdown)},
    {.number = SCMP_SYS(recvmsg),
     .n = 1,
     .argument = {{.arg = 0, .op = SCMP_CMP_EQ, .datum_a = HANDOVER_LINK}}},
    {.number = SCMP_SYS(setsockopt),
     .n = 2,
     .argument = {{.arg = 1, .op = SCMP_CMP_EQ, .datum_a = IPPROTO_TCP},
                  {.arg = 2, .op = SCMP_CMP_EQ, .datum_a = TCP_NODELAY}}},
    {.number = SCMP_SYS(setsockopt),
     .n = 2,
     .argument = {{.arg = 1, .op = SCMP_CMP_EQ, .datum_a = IPPROTO_TCP},
                  {.arg = 2, .op = SCMP_CMP_EQ, .datum_a = TCP_CORK}}},
    // Some libc looks up the number of CPUs, and does without where it cannot.
    {.number = SCMP_SYS(open), .fails = EACCES},
    {.number = SCMP_SYS(openat), .fails = EACCES},
};

int exporter_filter_apply(void)
{
    return confine_system_calls(calls, sizeof calls / sizeof calls[0], CONFINE_KILL);
}
