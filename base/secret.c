// Pages for key material.
#include "base/secret.h"

#include "base/bytes.h"

#include <sys/mman.h>

void *secret_alloc(size_t len)
{
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    // Best effort: RLIMIT_MEMLOCK may be small, and the server works without.
    (void)mlock(at, len);
    (void)madvise(at, len, MADV_DONTDUMP);
    (void)madvise(at, len, MADV_WIPEONFORK);
    return at;
}

void secret_free(void *at, size_t len)
{
    if (at == NULL)
        return;
    bytes_wipe(at, len);
    munmap(at, len);
}
