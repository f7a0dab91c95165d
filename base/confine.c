#include "base/confine.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

// The calls that libc, its threads and OpenSSL need in any process. No execve, no fork, no socket,
// no ptrace, no mount, no change of credentials; signals only to this process itself, and memory
// never becomes executable (below).
static const int common[] = {
    // Waiting.
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(futex),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(restart_syscall),
    // Open descriptors, and the log.
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(close),
    // Time.
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    // Memory, threads and random octets.
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(mlock),
    SCMP_SYS(mlock2),
    SCMP_SYS(munlock),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sysinfo),
    SCMP_SYS(rseq),            // a thread made before the filter may start after it
    SCMP_SYS(set_robust_list), // likewise
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack), // needed by a build with sanitizers when a thread ends
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

static int allow(scmp_filter_ctx filter, int number, struct scmp_arg_cmp argument)
{
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &argument);
}

// Memory that was written cannot be executed.
static int allow_plain_memory(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp not_executable =
        SCMP_A2(SCMP_CMP_MASKED_EQ, (scmp_datum_t)PROT_EXEC, (scmp_datum_t)0);
    int result = allow(filter, SCMP_SYS(mmap), not_executable);
    if (result == 0)
        result = allow(filter, SCMP_SYS(mprotect), not_executable);
    return result;
}

// The abort() of an assertion: its signal tells why the process was restarted. No signal to other
// processes of the same user is allowed.
static int allow_own_signals(scmp_filter_ctx filter)
{
    return allow(filter, SCMP_SYS(tgkill),
                 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), (scmp_datum_t)0));
}

static int add_call(scmp_filter_ctx filter, const struct confine_call *call)
{
    const uint32_t action =
        call->fails ? SCMP_ACT_ERRNO((uint32_t)call->fails) : (uint32_t)SCMP_ACT_ALLOW;
    return seccomp_rule_add_array(filter, action, call->number, call->n, call->argument);
}

// Polling threads make calls often, so the filter is built as a tree. Kernels before 5.16 would
// also slow down every load after a store in a confined thread (the mitigation of speculative store
// bypass). In a process that runs no foreign code nobody could exploit that, so it is switched off.
static int tune_for_polling(scmp_filter_ctx filter)
{
    int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
    if (result == 0)
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    return result;
}

int confine_system_calls(const struct confine_call *calls, size_t n, enum confine_manner manner)
{
    scmp_filter_ctx filter =
        seccomp_init(manner == CONFINE_KILL ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_TRAP);
    if (!filter)
        return -ENOMEM;
    // Threads run already: the filter applies to all of them.
    int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (result == 0 && manner == CONFINE_REFUSE)
        result = tune_for_polling(filter);
    for (size_t i = 0; i < sizeof common / sizeof common[0] && result == 0; i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, common[i], 0);
    for (size_t i = 0; i < n && result == 0; i++)
        result = add_call(filter, &calls[i]);
    if (result == 0)
        result = allow_plain_memory(filter);
    if (result == 0)
        result = allow_own_signals(filter);
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    return result;
}
