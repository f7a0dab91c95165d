// A pulse that does not move is counted; one that moves starts anew.
#include "supervisor/watch.h"

bool watch_awake(struct pulse *pulse, uint64_t heartbeat, bool stopped, uint32_t patience)
{
    if (pulse->seen != heartbeat) {
        *pulse = (struct pulse){.seen = heartbeat};
        return true;
    }
    return ++pulse->still < (stopped ? WATCH_STOPPED_LOOKS : patience);
}
