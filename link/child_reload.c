#include "link/child_reload.h"

#include "base/log.h"
#include "link/handover.h"

// If the supervisor gets no answer, it ends this process.
static void answer(enum link_type type, uint32_t id, const char *text)
{
    if (link_send(HANDOVER_LINK, type, id, text) != 0)
        log_error("cannot send the result of the reload to the supervisor");
}

static void prepare(struct child_reload *reload, struct link_message *message)
{
    char why[1024] = "there is no memory for it";

    child_reload_close(reload);
    const int result = reload->prepare(reload->self, message, why, sizeof why);
    if (result == 0)
        reload->id = message->id;
    answer(result == 0 ? LINK_ACCEPTED : LINK_REFUSED, message->id, result == 0 ? NULL : why);
}

bool child_reload_hear(struct child_reload *reload, struct link_message *message)
{
    const bool is_ours = reload->id != 0 && message->id == reload->id;

    switch (message->type) {
    case LINK_RELOAD:
        prepare(reload, message);
        break;
    case LINK_COMMIT:
        // Of another reload it is the supervisor's bug: it gets no answer, and ends this process.
        if (!is_ours)
            break;
        reload->commit(reload->self);
        reload->id = 0;
        answer(LINK_APPLIED, message->id, NULL);
        break;
    case LINK_CANCEL:
        if (is_ours)
            child_reload_close(reload);
        break;
    default:
        return false;
    }
    link_close_descriptors(message);
    return true;
}

void child_reload_close(struct child_reload *reload)
{
    if (reload->id != 0)
        reload->cancel(reload->self);
    reload->id = 0;
}
