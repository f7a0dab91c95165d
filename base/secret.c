// Pages for key material.
#include "base/secret.h"

#include "base/bytes.h"
#include "base/log.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

void *secret_alloc(size_t len)
{
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    // Best effort: RLIMIT_MEMLOCK may be small, and the server works without the lock.
    (void)mlock(at, len);
    (void)madvise(at, len, MADV_DONTDUMP);
    (void)madvise(at, len, MADV_WIPEONFORK);
    return at;
}

// With this capability no limit applies.
static bool has_right_to_lock(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    return syscall(SYS_capget, &head, data) == 0 && (data[0].effective & 1U << CAP_IPC_LOCK) != 0;
}

// Under a limit only the memory of secret_alloc is locked. With MCL_FUTURE each mmap beyond the
// limit would fail, so a ke with many connections would refuse more of them. With MCL_CURRENT the
// limit would have to cover reserved addresses, too.
void secret_lock_process(void)
{
    struct rlimit limit;

    if (!has_right_to_lock() && getrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
        limit.rlim_cur != RLIM_INFINITY)
        log_warning("RLIMIT_MEMLOCK is %llu octets: only the pages of cookie keys are locked, and "
                    "other secrets may be swapped; raise it (LimitMEMLOCK=infinity)",
                    (unsigned long long)limit.rlim_cur);
    else if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
        log_warning("memory cannot be locked: %s; secrets may be swapped", strerror(errno));
}

void secret_free(void *at, size_t len)
{
    if (at == NULL)
        return;
    bytes_wipe(at, len);
    munmap(at, len);
}
