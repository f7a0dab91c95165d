// An allow-list by name, and the log line for a refused call.
#include "dataplane/system_calls.h"

#include "base/confine.h"
#include "base/log.h"

#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <ucontext.h>

#define BPF_COMMAND(command)                                                                       \
    {                                                                                              \
        .number = SCMP_SYS(bpf), .n = 1, .argument = {                                             \
            {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = (command)}                                    \
        }                                                                                          \
    }

static const struct confine_call calls[] = {
    // Polling: the AF_XDP driver wakes the kernel; sockets and TAP devices are read and written.
    {.number = SCMP_SYS(sendto)},
    {.number = SCMP_SYS(recvfrom)},
    {.number = SCMP_SYS(poll)},
    {.number = SCMP_SYS(ppoll)},
    {.number = SCMP_SYS(readv)},
    // Stamps of departures; datagrams of the guard sockets, and their replies.
    {.number = SCMP_SYS(recvmmsg)},
    {.number = SCMP_SYS(sendmmsg)},
    // Waits of housekeeping and of DPDK's own threads.
    {.number = SCMP_SYS(pread64)},
    {.number = SCMP_SYS(pwrite64)},
    {.number = SCMP_SYS(epoll_create)},
    {.number = SCMP_SYS(epoll_create1)},
    {.number = SCMP_SYS(eventfd2)},
    {.number = SCMP_SYS(timerfd_create)},
    {.number = SCMP_SYS(timerfd_settime)},
    {.number = SCMP_SYS(timerfd_gettime)},
    // Addresses and links by netlink; the socket and the peers of memif, which come and go.
    {.number = SCMP_SYS(socket)},
    {.number = SCMP_SYS(bind)},
    {.number = SCMP_SYS(listen)},
    {.number = SCMP_SYS(connect)},
    {.number = SCMP_SYS(accept)},
    {.number = SCMP_SYS(accept4)},
    {.number = SCMP_SYS(sendmsg)},
    {.number = SCMP_SYS(recvmsg)},
    {.number = SCMP_SYS(shutdown)},
    {.number = SCMP_SYS(getsockname)},
    {.number = SCMP_SYS(getsockopt)},
    {.number = SCMP_SYS(setsockopt)},
    {.number = SCMP_SYS(ioctl)},
    // Files in /proc and /sys that DPDK and housekeeping read, memif's shared memory and its
    // socket.
    {.number = SCMP_SYS(open)},
    {.number = SCMP_SYS(openat)},
    {.number = SCMP_SYS(lseek)},
    {.number = SCMP_SYS(fcntl)},
    {.number = SCMP_SYS(fstat)},
    {.number = SCMP_SYS(newfstatat)},
    {.number = SCMP_SYS(access)},
    {.number = SCMP_SYS(readlink)},
    {.number = SCMP_SYS(getdents64)},
    {.number = SCMP_SYS(memfd_create)},
    {.number = SCMP_SYS(ftruncate)},
    {.number = SCMP_SYS(unlink)},
    {.number = SCMP_SYS(unlinkat)},
    {.number = SCMP_SYS(rmdir)},
    // DPDK queries where its memory is.
    {.number = SCMP_SYS(get_mempolicy)},
    // The bpf() commands that open maps still need: no program is loaded any more.
    BPF_COMMAND(BPF_MAP_LOOKUP_ELEM),
    BPF_COMMAND(BPF_MAP_UPDATE_ELEM),
    BPF_COMMAND(BPF_MAP_DELETE_ELEM),
    BPF_COMMAND(BPF_MAP_GET_NEXT_KEY),
    BPF_COMMAND(BPF_OBJ_GET_INFO_BY_FD),
};

// Runs in the thread that made the call; the call then returns the error.
static void on_refused(int signal, siginfo_t *info, void *context)
{
    static struct log_limit limit;
    (void)signal;
    log_limited(&limit, LOG_LEVEL_ERROR,
                "system call %d is not allowed to the dataplane: refused; please report the "
                "driver that needs it",
                info->si_syscall);
    ucontext_t *thread = context;
    thread->uc_mcontext.gregs[REG_RAX] = -EPERM;
}

int system_calls_confine(void)
{
    struct sigaction action = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_NODEFER};
    if (sigaction(SIGSYS, &action, NULL) != 0)
        return -errno;
    return confine_system_calls(calls, sizeof calls / sizeof calls[0], CONFINE_REFUSE);
}
