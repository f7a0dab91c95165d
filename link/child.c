// The parts that are the same in all children that serve.
#include "link/child.h"

#include "base/log.h"
#include "link/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

enum { EXIT_USAGE = 2 };

static bool has_seals(int fd, int seals)
{
    const int got = fcntl(fd, F_GET_SEALS);
    return got >= 0 && (got & seals) == seals;
}

// A person who types a role's name as argv[0] does not pass these descriptors.
static bool handover_complete(const struct child_role *role)
{
    if (!has_seals(HANDOVER_CONFIG, F_SEAL_WRITE) || !link_is(HANDOVER_LINK))
        return false;
    for (int i = 0; i < 2; i++)
        if (role->board[i] != 0 && !has_seals(role->board[i], F_SEAL_GROW))
            return false;
    return true;
}

int child_run(const struct child_role *role)
{
    log_open(role->name);
    if (!handover_complete(role)) {
        log_error("this role is started by noonmarkd alone");
        return EXIT_USAGE;
    }
    prctl(PR_SET_NAME, role->comm, 0, 0, 0);
    // exec has made it dumpable again: no core and no other process of this user may see keys.
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    log_start();
    return role->run();
}

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
