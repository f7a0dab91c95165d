// fork, arrange, exec. Besides its descriptors the child inherits standard error, the environment
// and ignored SIGPIPE; standard input and output are /dev/null.
#include "supervisor/child.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

// First all sources are moved above the targets, so that none is overwritten before its turn. dup2
// clears close-on-exec at the target alone. *program, if there is one, moves above the targets too,
// and stays open until exec.
static int place(const struct handed *handed, size_t n, int *program)
{
    const int above = handed[n - 1].at + 1;
    int moved[CHILD_HANDED_MAX];

    if (n > CHILD_HANDED_MAX)
        return -E2BIG;
    if (*program != 0) {
        *program = fcntl(*program, F_DUPFD_CLOEXEC, above);
        if (*program < 0)
            return -errno;
    }
    for (size_t i = 0; i < n; i++) {
        moved[i] = fcntl(handed[i].fd, F_DUPFD_CLOEXEC, above);
        if (moved[i] < 0)
            return -errno;
    }
    for (size_t i = 0; i < n; i++)
        if (dup2(moved[i], handed[i].at) < 0)
            return -errno;
    int next = 3;
    for (size_t i = 0; i < n; i++) {
        for (; next < handed[i].at; next++)
            close(next);
        next++;
    }
    if (*program > above && close_range((unsigned)above, (unsigned)*program - 1, 0) != 0)
        return -errno;
    const int rest = *program != 0 ? *program + 1 : above;
    return close_range((unsigned)rest, ~0U, 0) == 0 ? 0 : -errno;
}

static int redirect_standard(void)
{
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        return -errno;
    return 0; // close_range closes null itself
}

// Best effort: a container may forbid it.
static void prefer_victim(int adjustment)
{
    const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    char text[16];

    if (fd < 0)
        return;
    const int len = snprintf(text, sizeof text, "%d", adjustment);
    ssize_t n;
    do
        n = write(fd, text, (size_t)len);
    while (n < 0 && errno == EINTR);
    close(fd);
}

// For key memory. *lifted: the amount that can be locked has no limit. Otherwise the child logs the
// consequences.
static int limit_locked(bool *lifted)
{
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    struct rlimit r;

    *lifted = setrlimit(RLIMIT_MEMLOCK, &all) == 0;
    if (*lifted)
        return 0;
    if (getrlimit(RLIMIT_MEMLOCK, &r) != 0)
        return -errno;
    r.rlim_cur = r.rlim_max;
    return setrlimit(RLIMIT_MEMLOCK, &r) == 0 ? 0 : -errno;
}

static int limit(uint64_t descriptors, bool *lifted)
{
    const struct rlimit none = {0, 0};
    struct rlimit files;

    if (setrlimit(RLIMIT_CORE, &none) != 0 || getrlimit(RLIMIT_NOFILE, &files) != 0)
        return -errno;
    const int error = limit_locked(lifted);
    if (error != 0)
        return error;
    if (files.rlim_cur >= descriptors)
        return 0;
    files.rlim_cur = descriptors;
    if (files.rlim_max < descriptors)
        files.rlim_max = descriptors;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        log_warning("cannot raise RLIMIT_NOFILE to %llu: %s; fewer connections can be open",
                    (unsigned long long)descriptors, strerror(errno));
    return 0;
}

// A child that has keys locks all of its memory (base/secret.h). If the limit could not
// be lifted, for example in a container without CAP_SYS_RESOURCE, it gets CAP_IPC_LOCK instead:
// that allows no more than a lifted limit does.
static uint64_t rights_of(const struct child_plan *plan, bool lifted)
{
    return plan->rights | (plan->locks && !lifted ? CAPABILITY(CAP_IPC_LOCK) : 0);
}

// A session of its own: Ctrl-C at a terminal reaches only the supervisor, which then ends its
// children in order.
static int arrange(const struct child_plan *plan, int *program)
{
    sigset_t none;

    setsid();
    umask(077);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (chdir("/") != 0)
        return -errno;
    prefer_victim(plan->oom_score_adj);
    bool lifted = false;
    int error = limit(plan->descriptors, &lifted);
    if (error == 0)
        error = redirect_standard();
    if (error == 0)
        error = place(plan->handed, plan->n_handed, program);
    if (error == 0)
        error = privilege_become(plan->user, rights_of(plan, lifted));
    return error;
}

pid_t child_start(const struct child_plan *plan)
{
    const pid_t pid = fork();

    if (pid != 0)
        return pid > 0 ? pid : -errno;

    int program = plan->program;
    const int error = arrange(plan, &program);
    if (error == 0) {
        char *const argv[] = {(char *)plan->role, NULL};
        // By its inode, not by a path: this user might not be allowed to use the path, or an
        // upgrade might have replaced the file.
        if (program != 0)
            fexecve(program, argv, environ);
        else
            execve("/proc/self/exe", argv, environ);
    }
    log_error("cannot start %s: %s", plan->role, strerror(error != 0 ? -error : errno));
    _exit(1);
}
