// A child that dies once is restarted at once; one that dies again and again must not overload the
// machine.
#include "supervisor/backoff.h"

uint32_t backoff_died(struct backoff *b, uint64_t alive_ms)
{
    uint32_t wait = 0;

    if (alive_ms >= BACKOFF_FORGIVEN_MS)
        b->deaths = 0;
    if (b->deaths > 0) {
        wait = BACKOFF_FIRST_MS;
        for (uint32_t i = 1; i < b->deaths && wait < BACKOFF_MOST_MS; i++)
            wait *= 2;
    }
    if (b->deaths < UINT32_MAX)
        b->deaths++;
    return wait < BACKOFF_MOST_MS ? wait : BACKOFF_MOST_MS;
}
