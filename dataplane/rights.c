#include "dataplane/rights.h"

#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    WAIT_STEPS = 1000, // of 1 ms
};

static uint32_t kept; // set before any thread is signalled

// Reduces the calling thread's capabilities. Async-signal-safe.
static int reduce_own(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &head, data) != 0)
        return -errno;
    // Without inheritable capabilities there are no ambient ones.
    data[0].permitted &= kept;
    data[0].effective = data[0].permitted;
    data[0].inheritable = 0;
    data[1] = (struct __user_cap_data_struct){0};
    return syscall(SYS_capset, &head, data) == 0 ? 0 : -errno;
}

// Writers: the signalled threads; reader: the thread that calls rights_reduce.
static atomic_int reduced;
static atomic_int refused;

static void on_request(int signal)
{
    (void)signal;
    int saved = errno;
    if (reduce_own() != 0)
        atomic_fetch_add(&refused, 1);
    atomic_fetch_add(&reduced, 1);
    errno = saved;
}

// False for the log's thread, which has none and may be held up by a disk.
static bool has_more(long tid)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3,
                                            .pid = (int)tid};
    struct __user_cap_data_struct data[2];
    return syscall(SYS_capget, &head, data) != 0 || (data[0].permitted & ~kept) != 0 ||
           data[0].inheritable != 0 || data[1].permitted != 0;
}

static int signal_threads(int signal, int *asked)
{
    DIR *dir = opendir("/proc/self/task");
    if (!dir)
        return -errno;
    const long self = syscall(SYS_gettid);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        long tid = strtol(entry->d_name, NULL, 10);
        if (tid > 0 && tid != self && has_more(tid) &&
            syscall(SYS_tgkill, getpid(), tid, signal) == 0)
            (*asked)++;
    }
    closedir(dir);
    return 0;
}

int rights_reduce(bool net_admin)
{
    kept = net_admin ? UINT32_C(1) << CAP_NET_ADMIN : 0;
    const int signal = SIGRTMIN;
    struct sigaction before;
    struct sigaction action = {.sa_handler = on_request, .sa_flags = SA_RESTART};
    sigfillset(&action.sa_mask);
    atomic_store(&reduced, 0);
    atomic_store(&refused, 0);
    if (sigaction(signal, &action, &before) != 0)
        return -errno;
    int signalled = 0;
    int fault = signal_threads(signal, &signalled);
    for (int i = 0; i < WAIT_STEPS && atomic_load(&reduced) < signalled; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (!fault && atomic_load(&reduced) < signalled)
        fault = -ETIMEDOUT; // the handler stays: a late thread must still find it
    else
        sigaction(signal, &before, NULL);
    if (!fault && atomic_load(&refused) > 0)
        fault = -EPERM;
    return fault ? fault : reduce_own();
}
