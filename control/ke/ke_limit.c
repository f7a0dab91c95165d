#include "control/ke/ke_limit.h"

#include "base/log.h"

#include <dirent.h>
#include <sys/resource.h>

static uint32_t descriptors_in_use(void)
{
    uint32_t n = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return KE_LIMIT_RESERVED; // the number cannot be read here: a safe estimate
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

uint32_t ke_limit_connections(uint32_t max_connections)
{
    struct rlimit limit = {0};
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 1;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return ke_limit_fit(max_connections);
}

uint32_t ke_limit_fit(uint32_t max_connections)
{
    struct rlimit limit = {0};
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 1;
    rlim_t taken = descriptors_in_use() + KE_LIMIT_RESERVED;
    rlim_t room = limit.rlim_cur > taken ? limit.rlim_cur - taken : 1;
    if (room >= max_connections)
        return max_connections;
    log_warning("control.max_connections: %u of %u fit into the limit of open files; raise it "
                "(LimitNOFILE=)",
                (unsigned)room, max_connections);
    return (uint32_t)room;
}
