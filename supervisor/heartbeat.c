// Counts the checks in which a heartbeat has not moved; a heartbeat that moves resets the count.
#include "supervisor/heartbeat.h"

bool heartbeat_awake(struct heartbeat *last, uint64_t now, uint32_t patience)
{
    if (last->seen != now) {
        *last = (struct heartbeat){.seen = now};
        return true;
    }
    return ++last->still < patience;
}
