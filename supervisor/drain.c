#include "supervisor/drain.h"

#include "base/log.h"

#include <string.h>

static void answer(const struct drain *drain, int link, uint32_t id)
{
    const char *state = drain->on ? LINK_DRAIN_ON : LINK_DRAIN_OFF;

    if (link >= 0 && link_send(link, LINK_DRAIN, id, state) != 0)
        log_warning(
            "control could not be told whether the server is draining: status may be wrong");
}

static void begin(struct drain *drain, struct hook *hook, uint64_t now_ms)
{
    if (drain->on)
        return;
    drain->on = true;
    log_info("draining on a request to control: the server serves on, and is to be stopped");
    if (hook->path[0] == '\0')
        log_warning("there is no time.hook: nothing withdraws a route");
    hook_drain(hook, now_ms);
}

static void cancel(struct drain *drain, struct hook *hook, uint64_t now_ms)
{
    if (!drain->on)
        return;
    drain->on = false;
    log_info("no more draining, on a request to control");
    hook_resume(hook, now_ms);
}

bool drain_hear(struct drain *drain, struct hook *hook, int link,
                const struct link_message *message, uint64_t now_ms, bool *stop)
{
    if (strcmp(message->text, LINK_DRAIN_BEGIN) == 0) {
        begin(drain, hook, now_ms);
    } else if (strcmp(message->text, LINK_DRAIN_CANCEL) == 0) {
        cancel(drain, hook, now_ms);
    } else if (strcmp(message->text, LINK_DRAIN_STOP) == 0) {
        if (drain->on)
            log_info("stopping, drained, on a request to control");
        *stop = drain->on;
    } else {
        return false;
    }
    answer(drain, link, message->id);
    return true;
}

void drain_tell(const struct drain *drain, int link)
{
    if (drain->on)
        answer(drain, link, 0);
}
