// malloc knows how long each piece is.
#include "etcd/heap.h"

#include "base/bytes.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void heap_free(void *at)
{
    if (at == NULL)
        return;
    bytes_wipe(at, malloc_usable_size(at));
    free(at);
}

void *heap_realloc(void *at, size_t len)
{
    void *made = malloc(len);
    if (made == NULL || at == NULL)
        return made;
    const size_t had = malloc_usable_size(at);
    memcpy(made, at, had < len ? had : len);
    heap_free(at);
    return made;
}
