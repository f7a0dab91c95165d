// The parts that are the same in all children that serve.
#include "link/child.h"

#include "base/log.h"
#include "link/handover.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

int child_hide(void)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -errno;
    return 0;
}

int child_take_signals(int *fd)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return -errno;
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0)
        return -errno;
    *fd = signals;
    return 0;
}

int child_say_ready(void)
{
    return link_send(HANDOVER_LINK, LINK_READY, 0, NULL);
}

enum child_heard child_hear(uint32_t most, struct link_message *message)
{
    const int result = link_receive(HANDOVER_LINK, most, message);

    if (result == 0)
        return CHILD_ENDS;
    if (result == -EBADMSG)
        log_error("the supervisor's message is not well-formed: ignored; please report this");
    if (result < 0)
        return CHILD_NOTHING;
    if (message->type != LINK_LOG_LEVEL)
        return CHILD_MESSAGE;
    log_set_level(message->text);
    return CHILD_NOTHING;
}
