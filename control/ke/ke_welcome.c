#include "control/ke/ke_welcome.h"

#include "base/now.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>

static uint64_t thread_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * NOW_NS_PER_MS * 1000 + (uint64_t)t.tv_nsec;
}

// Is there a limit of CPU time? Without one, none is measured.
static bool measures(const struct ke_loop *loop)
{
    return loop->terms->shares.host.ns_per_s != 0 || loop->terms->shares.all != 0;
}

void ke_welcome_measure(struct ke_loop *loop)
{
    if (measures(loop))
        loop->cpu_ns = thread_cpu_ns();
}

// CPU time of this thread is charged, and no time in which another thread has the CPU.
void ke_welcome_charge(struct ke_loop *loop, const struct ke_source_address *from)
{
    const struct ke_shares *shares = &loop->terms->shares;
    if (!measures(loop))
        return;
    const uint64_t cpu = thread_cpu_ns(), took = cpu - loop->cpu_ns, now = now_ns();
    loop->cpu_ns = cpu;
    if (shares->host.ns_per_s != 0 && from != NULL)
        ke_cpu_limit_charge(loop->shared->cpu_limit, from, took, &shares->host, now);
    if (shares->all != 0)
        ke_budget_take(&loop->budget, took, shares->all, now);
}

// Has its client waited for so long since it sent something that it will be gone?
static bool has_waited(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
           info.tcpi_last_data_recv >= KE_WAITED_MS;
}

// Is its prefix above the limit of CPU time? In a dry run that is only counted.
static bool is_over_limit(struct ke_loop *loop, const struct ke_source_address *from)
{
    const struct ke_shares *shares = &loop->terms->shares;
    if (shares->host.ns_per_s == 0 ||
        !ke_cpu_limit_is_over(loop->shared->cpu_limit, from, &shares->host, now_ns()))
        return false;
    if (shares->dry_run)
        ke_count(loop->shared->counters, KE_DRY_RUN);
    return !shares->dry_run;
}

bool ke_welcome(struct ke_loop *loop, int fd, const struct ke_source_address *from,
                enum ke_counter *why)
{
    if (!ke_source_is_in(loop->terms->sources, from))
        *why = KE_DENIED;
    else if (is_over_limit(loop, from))
        *why = KE_REFUSED_LIMIT;
    else if (loop->crowded_ns > now_ns() && has_waited(fd))
        *why = KE_REFUSED_WAITED;
    else
        return true;
    return false;
}
