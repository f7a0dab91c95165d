#include "dataplane/secret.h"

#include "config/log.h"
#include "crypto/bytes.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

void *secret_alloc(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    if (mlock(at, size) != 0)
        log_warning("keys may reach swap space: %s; CAP_IPC_LOCK or LimitMEMLOCK= mends it",
                    strerror(errno));
    madvise(at, size, MADV_DONTDUMP);
    madvise(at, size, MADV_WIPEONFORK);
    return at;
}

void secret_free(void *at, size_t size)
{
    if (!at)
        return;
    bytes_wipe(at, size);
    munmap(at, size);
}
