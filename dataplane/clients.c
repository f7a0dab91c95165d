#include "dataplane/clients.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { SECONDS = 60, MINUTES = 60 };

struct clients {
    struct unique_windows windows;
    struct board_dataplane *board;
    uint32_t second;                           // of the present window
    uint8_t minute[MINUTES][UNIQUE_REGISTERS]; // of the windows before, zero before there were any
    uint32_t n;
    struct unique_counter counter[];
};

int clients_open(uint32_t n, struct board_dataplane *board, struct clients **out)
{
    const size_t len = sizeof(struct clients) + n * sizeof(struct unique_counter);
    struct clients *made = aligned_alloc(_Alignof(struct clients),
                                         (len + _Alignof(struct clients) - 1) /
                                             _Alignof(struct clients) * _Alignof(struct clients));
    if (made == NULL)
        return -ENOMEM;
    memset(made, 0, len);
    made->board = board;
    made->n = n;
    for (uint32_t i = 0; i < n; i++)
        made->counter[i].windows = &made->windows;
    // Without random octets, early at boot, the estimate is only easier to falsify.
    if (getrandom(&made->windows.key, sizeof made->windows.key, GRND_NONBLOCK) < 0)
        made->windows.key = (struct unique_key){1, 1};
    atomic_store_explicit(&made->windows.window, 1, memory_order_relaxed);
    *out = made;
    return 0;
}

struct unique_counter *clients_counter(struct clients *clients, uint32_t thread)
{
    return clients != NULL ? &clients->counter[thread] : NULL;
}

// The minute that has ended takes the place of the one an hour ago.
static void show(struct clients *c, uint32_t window)
{
    uint8_t(*minute)[UNIQUE_REGISTERS] = &c->minute[window % MINUTES];
    uint8_t hour[UNIQUE_REGISTERS] = {0};

    memset(*minute, 0, sizeof *minute);
    for (uint32_t i = 0; i < c->n; i++)
        unique_take(&c->counter[i], window, *minute);
    for (uint32_t i = 0; i < MINUTES; i++)
        unique_merge(hour, c->minute[i]);
    atomic_store_explicit(&c->board->clients_minute, unique_estimate(*minute),
                          memory_order_relaxed);
    atomic_store_explicit(&c->board->clients_hour, unique_estimate(hour), memory_order_relaxed);
}

void clients_second(struct clients *c)
{
    if (c == NULL)
        return;
    const uint32_t window = atomic_load_explicit(&c->windows.window, memory_order_relaxed);

    if (c->second == 1 && window > 1)
        show(c, window - 1);
    if (++c->second < SECONDS)
        return;
    c->second = 0;
    atomic_store_explicit(&c->windows.window, window + 1, memory_order_relaxed);
}

void clients_close(struct clients *clients)
{
    free(clients);
}
