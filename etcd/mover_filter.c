// Connections that it makes (TCP to etcd, UDP to a resolver), the files that it names, threads for
// the resolver. No program is executed, no code loaded, no process signalled or traced, no
// connection accepted. Files are kept from it by its user's rights: it has to write one.
#include "etcd/mover_filter.h"

#include "base/confine.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>

static const struct confine_call calls[] = {
    {.number = SCMP_SYS(socket),
     .n = 1,
     .argument = {{.arg = 0, .op = SCMP_CMP_EQ, .datum_a = AF_INET}}},
    {.number = SCMP_SYS(socket),
     .n = 1,
     .argument = {{.arg = 0, .op = SCMP_CMP_EQ, .datum_a = AF_INET6}}},
    // nscd and systemd-resolved.
    {.number = SCMP_SYS(socket),
     .n = 1,
     .argument = {{.arg = 0, .op = SCMP_CMP_EQ, .datum_a = AF_UNIX}}},
    // The resolver asks which addresses this host has.
    {.number = SCMP_SYS(socket),
     .n = 1,
     .argument = {{.arg = 0, .op = SCMP_CMP_EQ, .datum_a = AF_NETLINK}}},
    {.number = SCMP_SYS(socketpair)}, // libcurl wakes itself
    {.number = SCMP_SYS(pipe2)},
    {.number = SCMP_SYS(eventfd2)},
    {.number = SCMP_SYS(bind)},
    {.number = SCMP_SYS(connect)},
    {.number = SCMP_SYS(getsockname)},
    {.number = SCMP_SYS(getpeername)},
    {.number = SCMP_SYS(getsockopt)},
    {.number = SCMP_SYS(setsockopt)},
    {.number = SCMP_SYS(shutdown)},
    {.number = SCMP_SYS(sendto)},
    {.number = SCMP_SYS(sendmsg)},
    {.number = SCMP_SYS(sendmmsg)},
    {.number = SCMP_SYS(recvfrom)},
    {.number = SCMP_SYS(recvmsg)},
    {.number = SCMP_SYS(recvmmsg)},
    {.number = SCMP_SYS(poll)},
    {.number = SCMP_SYS(ppoll)},
    {.number = SCMP_SYS(select)},
    {.number = SCMP_SYS(pselect6)},
    {.number = SCMP_SYS(fcntl)},
    {.number = SCMP_SYS(ioctl)},
    // Certificates, the resolver's configuration, the document.
    {.number = SCMP_SYS(open)},
    {.number = SCMP_SYS(openat)},
    {.number = SCMP_SYS(stat)},
    {.number = SCMP_SYS(lstat)},
    {.number = SCMP_SYS(fstat)},
    {.number = SCMP_SYS(newfstatat)},
    {.number = SCMP_SYS(statx)},
    {.number = SCMP_SYS(lseek)},
    {.number = SCMP_SYS(pread64)},
    {.number = SCMP_SYS(readlink)},
    {.number = SCMP_SYS(readlinkat)},
    {.number = SCMP_SYS(access)},
    {.number = SCMP_SYS(faccessat)},
    {.number = SCMP_SYS(faccessat2)},
    {.number = SCMP_SYS(getdents64)},
    {.number = SCMP_SYS(fsync)},
    {.number = SCMP_SYS(rename)},
    {.number = SCMP_SYS(renameat)},
    {.number = SCMP_SYS(renameat2)},
    {.number = SCMP_SYS(unlink)},
    {.number = SCMP_SYS(unlinkat)},
    {.number = SCMP_SYS(uname)},
    // Threads, and no processes. libc uses clone where clone3 is missing; its flags can be read.
    {.number = SCMP_SYS(clone),
     .n = 1,
     .argument =
         {{.arg = 0, .op = SCMP_CMP_MASKED_EQ, .datum_a = CLONE_THREAD, .datum_b = CLONE_THREAD}}},
    {.number = SCMP_SYS(clone3), .fails = ENOSYS},
    {.number = SCMP_SYS(prctl), .fails = EPERM}, // a thread's name
    // A module of the resolver that was not loaded before is left out.
    {.number = SCMP_SYS(mmap),
     .n = 1,
     .argument = {{.arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = PROT_EXEC}},
     .fails = EACCES},
};

int mover_filter_apply(void)
{
    return confine_system_calls(calls, sizeof calls / sizeof calls[0], CONFINE_KILL);
}
