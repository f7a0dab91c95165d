// Wiped is all that the owner of a block could use, which may be more than what it asked for.
#include "control/ke/tls_memory.h"

#include "control/ke/slab.h"

#include <openssl/crypto.h>
#include <string.h>

// NULL for length 0, like OpenSSL's own function.
static void *take(size_t len, const char *file, int line)
{
    (void)file;
    (void)line;
    return len == 0 ? NULL : slab_take(len);
}

static void give_back(void *at, const char *file, int line)
{
    (void)file;
    (void)line;
    if (at != NULL)
        slab_give(at);
}

static void *resize(void *at, size_t len, const char *file, int line)
{
    const size_t room = at == NULL ? 0 : slab_room(at);

    if (len > 0 && len <= room)
        return at;
    void *moved = take(len, file, line);
    if (len > 0 && moved == NULL)
        return NULL;
    if (moved != NULL && room > 0)
        memcpy(moved, at, room);
    give_back(at, file, line);
    return moved;
}

bool tls_memory_take(void)
{
    return slab_open() && CRYPTO_set_mem_functions(take, resize, give_back) == 1;
}
