// A pulse that does not move is counted; one that moves starts anew.
#include "supervisor/pulse.h"

bool pulse_awake(struct pulse *pulse, uint64_t heartbeat, uint32_t patience)
{
    if (pulse->seen != heartbeat) {
        *pulse = (struct pulse){.seen = heartbeat};
        return true;
    }
    return ++pulse->still < patience;
}
