// Running the hook.
#include "supervisor/hook.h"

#include "base/log.h"
#include "supervisor/start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_roots_alone(const struct stat *st)
{
    return st->st_uid == 0 && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static bool fault(const char *path, const char *what, const char *mend)
{
    log_error("%s (time.hook) %s; %s", path, what, mend);
    return false;
}

// real has no links in it. Whoever may write to one of the directories may put a program of his
// own there.
static bool look_at_directories(const char *path, const char *real)
{
    char directory[PATH_MAX];
    struct stat st;

    memcpy(directory, real, strlen(real) + 1);
    for (;;) {
        char *slash = strrchr(directory, '/');
        slash[slash == directory] = '\0';
        if (stat(directory, &st) != 0)
            return fault(path, strerror(errno), "name a program that can be run");
        // Where the sticky bit is set, others can add files, but not replace root's.
        st.st_mode &= st.st_mode & S_ISVTX ? ~(mode_t)(S_IWGRP | S_IWOTH) : ~(mode_t)0;
        if (!is_roots_alone(&st)) {
            log_error("%s (time.hook) lies in %s, where others than root can write; chown root and "
                      "chmod go-w that directory, or name another place",
                      path, directory);
            return false;
        }
        if (slash == directory)
            return true;
    }
}

bool hook_look(const char *path)
{
    char real[PATH_MAX];
    struct stat st;

    if (path[0] == '\0')
        return true;
    if (realpath(path, real) == NULL || stat(real, &st) != 0)
        return fault(path, strerror(errno), "name a program that can be run");
    if (!S_ISREG(st.st_mode) || (st.st_mode & S_IXUSR) == 0)
        return fault(path, "is no executable file", "chmod u+x it");
    if (!is_roots_alone(&st))
        return fault(path, "can be changed by others than root, but runs as root",
                     "chown root and chmod go-w it");
    return look_at_directories(path, real);
}

// In the child, which may wait: for a disk, for example.
static int become_hook(const char *path)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = SIGHUP; number <= SIGTERM; number++)
        signal(number, SIG_DFL);
    setsid();
    umask(022);
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        chdir("/") != 0 || close_range(STDERR_FILENO + 1, ~0U, 0) != 0)
        return errno;
    if (!hook_look(path)) // again: it may have changed since the start
        return EPERM;
    return -privilege_become(NULL, HOOK_RIGHTS);
}

static void run(struct hook *hook, const char *state, uint64_t now_ms)
{
    static char *const environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", NULL};
    char words[HOOK_STATE_MAX];
    char *rest = NULL;

    memcpy(words, state, sizeof words);
    char *const argv[] = {(char *)hook->path, strtok_r(words, " ", &rest),
                          strtok_r(NULL, " ", &rest), NULL};
    const pid_t pid = fork();
    if (pid == 0) {
        int error = become_hook(hook->path);
        if (error == 0) {
            execve(hook->path, argv, environment);
            error = errno;
        }
        log_error("cannot run %s (time.hook): %s", hook->path, strerror(error));
        _exit(126);
    }
    memcpy(hook->told, state, sizeof hook->told);
    hook->wanted[0] = '\0';
    if (pid < 0) {
        log_error("cannot run %s (time.hook): %s", hook->path, strerror(errno));
        return;
    }
    hook->pid = pid;
    hook->killed = false;
    hook->since_ms = now_ms;
    log_info("%s (time.hook) runs, pid %d: %s", hook->path, (int)pid, state);
}

// "healthy", or "unhealthy" and a word: control may be in somebody else's hands.
static bool is_state(const char *state)
{
    static const char unhealthy[] = "unhealthy ";

    if (strcmp(state, "healthy") == 0)
        return true;
    if (strncmp(state, unhealthy, sizeof unhealthy - 1) != 0)
        return false;
    const char *reason = state + sizeof unhealthy - 1;
    const size_t len = strlen(reason);
    return len > 0 && strlen(state) < HOOK_STATE_MAX &&
           strspn(reason, "abcdefghijklmnopqrstuvwxyz") == len;
}

// Another reason is no other state: healthy, unhealthy and draining differ in their first letter.
static bool is_same(const char *a, const char *b)
{
    return a[0] == b[0];
}

// state: of HOOK_STATE_MAX octets.
static void tell(struct hook *hook, const char *state, uint64_t now_ms)
{
    if (hook->path[0] == '\0')
        return;
    if (hook->pid != 0)
        memcpy(hook->wanted, state, sizeof hook->wanted);
    else if (hook->told[0] == '\0' || !is_same(hook->told, state))
        run(hook, state, now_ms);
}

bool hook_state(struct hook *hook, const char *state, uint64_t now_ms)
{
    if (!is_state(state))
        return false;
    memset(hook->health, 0, sizeof hook->health);
    memcpy(hook->health, state, strlen(state));
    if (!hook->draining)
        tell(hook, hook->health, now_ms);
    return true;
}

static void tell_draining(struct hook *hook, uint64_t now_ms)
{
    static const char draining[HOOK_STATE_MAX] = "draining";
    tell(hook, draining, now_ms);
}

void hook_drain(struct hook *hook, uint64_t now_ms)
{
    hook->draining = true;
    tell_draining(hook, now_ms);
}

void hook_resume(struct hook *hook, uint64_t now_ms)
{
    hook->draining = false;
    if (hook->health[0] != '\0')
        tell(hook, hook->health, now_ms);
}

void hook_replace(struct hook *hook, const char *path, uint64_t now_ms)
{
    hook->path = path;
    hook->former = hook->pid != 0;
    if (!hook->former)
        hook->told[0] = '\0';
    hook->wanted[0] = '\0';
    if (hook->draining)
        tell_draining(hook, now_ms);
    else if (hook->health[0] != '\0')
        tell(hook, hook->health, now_ms);
}

// The path of the former one is gone with its configuration.
static const char *name_of(const struct hook *hook)
{
    return hook->former ? "the program that a reload has replaced" : hook->path;
}

bool hook_ended(struct hook *hook, pid_t pid, int status, uint64_t now_ms)
{
    if (pid != hook->pid || pid == 0)
        return false;
    hook->pid = 0;
    if (WIFSIGNALED(status))
        log_error("%s (time.hook) was ended by signal %d, %s: %s", name_of(hook), WTERMSIG(status),
                  strsignal(WTERMSIG(status)), hook->told);
    else if (WEXITSTATUS(status) != 0)
        log_error("%s (time.hook) ended with status %d: %s", name_of(hook), WEXITSTATUS(status),
                  hook->told);
    else
        log_info("%s (time.hook) has ended with status 0: %s", name_of(hook), hook->told);
    if (hook->former)
        hook->told[0] = '\0'; // the new one has been told nothing
    hook->former = false;
    if (hook->wanted[0] != '\0' && (hook->told[0] == '\0' || !is_same(hook->told, hook->wanted))) {
        char state[HOOK_STATE_MAX];
        memcpy(state, hook->wanted, sizeof state);
        run(hook, state, now_ms);
    }
    hook->wanted[0] = '\0';
    return true;
}

void hook_tick(struct hook *hook, uint64_t now_ms)
{
    if (now_ms < hook_due_ms(hook))
        return;
    log_error("%s (time.hook, pid %d) is not done after %d s: killed", name_of(hook),
              (int)hook->pid, HOOK_LIMIT_MS / 1000);
    // Its whole session, or itself before it has made one.
    if (kill(-hook->pid, SIGKILL) != 0)
        kill(hook->pid, SIGKILL);
    hook->killed = true;
}

uint64_t hook_due_ms(const struct hook *hook)
{
    return hook->pid == 0 || hook->killed ? UINT64_MAX : hook->since_ms + HOOK_LIMIT_MS;
}
