// The calls for the control socket, the link, the key file and the kernel's clock. Control makes no
// connection, and accepts only those of its Unix socket.
#include "control/control_filter.h"

#include "base/confine.h"
#include "link/handover.h"

#include <linux/ptp_clock.h>

static const struct confine_call calls[] = {
    // The control socket. sendto must have no address, so that it can only use a connected socket.
    {.number = SCMP_SYS(accept4)},
    {.number = SCMP_SYS(recvfrom)},
    {.number = SCMP_SYS(sendto), .n = 1, .argument = {{.arg = 4, .op = SCMP_CMP_EQ, .datum_a = 0}}},
    // The link: recvmsg for the supervisor's messages; answers have no descriptors and use sendto.
    {.number = SCMP_SYS(recvmsg),
     .n = 1,
     .argument = {{.arg = 0, .op = SCMP_CMP_EQ, .datum_a = HANDOVER_LINK}}},
    // The key file, and the new generation that is written beside it.
    {.number = SCMP_SYS(open)},
    {.number = SCMP_SYS(openat)},
    {.number = SCMP_SYS(fstat)},
    {.number = SCMP_SYS(newfstatat)},
    {.number = SCMP_SYS(fsync)},
    {.number = SCMP_SYS(rename)},
    {.number = SCMP_SYS(renameat)},
    {.number = SCMP_SYS(link)},
    {.number = SCMP_SYS(linkat)},
    {.number = SCMP_SYS(unlink)},
    {.number = SCMP_SYS(unlinkat)},
    // A hardware clock: reading it together with the system's clock, and nothing else.
    {.number = SCMP_SYS(ioctl),
     .n = 2,
     .argument = {{.arg = 0, .op = SCMP_CMP_EQ, .datum_a = HANDOVER_TIME_SOURCE},
                  {.arg = 1, .op = SCMP_CMP_EQ, .datum_a = PTP_SYS_OFFSET_PRECISE}}},
    {.number = SCMP_SYS(ioctl),
     .n = 2,
     .argument = {{.arg = 0, .op = SCMP_CMP_EQ, .datum_a = HANDOVER_TIME_SOURCE},
                  {.arg = 1, .op = SCMP_CMP_EQ, .datum_a = PTP_SYS_OFFSET_EXTENDED}}},
    {.number = SCMP_SYS(ioctl),
     .n = 2,
     .argument = {{.arg = 0, .op = SCMP_CMP_EQ, .datum_a = HANDOVER_TIME_SOURCE},
                  {.arg = 1, .op = SCMP_CMP_EQ, .datum_a = PTP_SYS_OFFSET}}},
    // The kernel's clock: these read its state; setting it would need a capability.
    {.number = SCMP_SYS(adjtimex)},
    {.number = SCMP_SYS(clock_adjtime)},
};

int control_filter_apply(void)
{
    return confine_system_calls(calls, sizeof calls / sizeof calls[0], CONFINE_KILL);
}
