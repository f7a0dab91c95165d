#include "dataplane/watch.h"

enum watch_verdict watch_judge(struct watch *watch, const struct watch_look *look)
{
    if (look->state == WATCH_ENDED)
        return WATCH_STUCK;
    if (look->beat != watch->beat) {
        *watch = (struct watch){.beat = look->beat, .cpu_ns = look->cpu_ns};
        return WATCH_FINE;
    }
    watch->looks++;
    switch (look->state) {
    case 'R':
        watch->stopped = watch->waiting = 0;
        break;
    case 'T':
    case 't':
        watch->stopped++;
        break;
    default:
        watch->waiting++;
    }
    if (look->cpu_ns - watch->cpu_ns >= WATCH_CPU_MS * UINT64_C(1000000) ||
        watch->stopped >= WATCH_LOOKS_STOPPED || watch->waiting >= WATCH_LOOKS_WAITING)
        return WATCH_STUCK;
    return watch->looks >= WATCH_LOOKS_STARVED ? WATCH_STARVED : WATCH_FINE;
}
