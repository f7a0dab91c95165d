// The calls for connections from the listeners, and for the link; nothing else. Ke runs as the same
// user as control, and this list keeps the two apart: ke can open no file, signal no other process
// (confine.c), and use neither ptrace nor process_vm_writev; in addition, neither process can be
// dumped.
#include "control/ke/ke_filter.h"

#include "base/confine.h"
#include "link/handover.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define SET_TCP(option)                                                                            \
    {                                                                                              \
        .number = SCMP_SYS(setsockopt), .n = 2, .argument = {                                      \
            {.arg = 1, .op = SCMP_CMP_EQ, .datum_a = IPPROTO_TCP},                                 \
            {.arg = 2, .op = SCMP_CMP_EQ, .datum_a = (option)}                                     \
        }                                                                                          \
    }

static const struct confine_call calls[] = {
    {.number = SCMP_SYS(accept4)},
    {.number = SCMP_SYS(recvfrom)},
    {.number = SCMP_SYS(readv)},
    // sendto must have no address: with an address and MSG_FASTOPEN it would connect.
    {.number = SCMP_SYS(sendto), .n = 1, .argument = {{.arg = 4, .op = SCMP_CMP_EQ, .datum_a = 0}}},
    // The link: the supervisor's messages, which may bring descriptors. Answers use sendto and
    // bring none. No other socket of ke can receive descriptors.
    {.number = SCMP_SYS(recvmsg),
     .n = 1,
     .argument = {{.arg = 0, .op = SCMP_CMP_EQ, .datum_a = HANDOVER_LINK}}},
    {.number = SCMP_SYS(pread64)}, // certificates, from descriptors that came over the link
    // Only the sending side: the other side would end a listener, which all children share.
    {.number = SCMP_SYS(shutdown),
     .n = 1,
     .argument = {{.arg = 1, .op = SCMP_CMP_EQ, .datum_a = SHUT_WR}}},
    SET_TCP(TCP_QUICKACK),
    // How long a connection has waited.
    {.number = SCMP_SYS(getsockopt),
     .n = 2,
     .argument = {{.arg = 1, .op = SCMP_CMP_EQ, .datum_a = IPPROTO_TCP},
                  {.arg = 2, .op = SCMP_CMP_EQ, .datum_a = TCP_INFO}}},
    // At a reload: its limit of open files, which the supervisor has raised. Reading alone.
    {.number = SCMP_SYS(prlimit64),
     .n = 2,
     .argument = {{.arg = 0, .op = SCMP_CMP_EQ, .datum_a = 0},
                  {.arg = 2, .op = SCMP_CMP_EQ, .datum_a = 0}}},
    // On listeners, at a reload. The next ke sets all three anew when it starts.
    SET_TCP(TCP_NODELAY),
    SET_TCP(TCP_USER_TIMEOUT),
    SET_TCP(TCP_DEFER_ACCEPT),
    // Some libc looks up the number of CPUs when a thread first allocates memory, and does without
    // where it cannot.
    {.number = SCMP_SYS(open), .fails = EACCES},
    {.number = SCMP_SYS(openat), .fails = EACCES},
};

int ke_filter_apply(void)
{
    return confine_system_calls(calls, sizeof calls / sizeof calls[0], CONFINE_KILL);
}
