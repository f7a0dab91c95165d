#include "perf/load/window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int window_open(struct window *window, uint64_t n, uint64_t cover)
{
    uint64_t size = 1024;
    while (size < n && size < (uint64_t)1 << WINDOW_BITS_MAX)
        size *= 2;
    struct slot *slot = aligned_alloc(sizeof *slot, size * sizeof *slot);
    if (!slot)
        return -ENOMEM;
    memset(slot, 0, size * sizeof *slot); // touches the pages now, not while requests are sent
    *window = (struct window){.slot = slot, .mask = size - 1, .cover = cover};
    return 0;
}

void window_close(struct window *window)
{
    free(window->slot);
    *window = (struct window){0};
}
