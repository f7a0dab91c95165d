// posix_spawn, a pipe, and a limit of time and size.
#include "ctl/doctor/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT_S = 15, TEXT_MAX = 4 << 20 };

static pid_t start(const char *const *command, int out)
{
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    static char language[] = "LANG=C";
    static char *const environment[] = {path, language, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;

    if (posix_spawn_file_actions_init(&actions) != 0)
        return -1;
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
    const int fault = posix_spawnp(&pid, command[0], &actions, NULL,
                                   (char *const *)(uintptr_t)command, environment);
    posix_spawn_file_actions_destroy(&actions);
    return fault ? -1 : pid;
}

static int left_ms(const struct timespec *since)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long left = LIMIT_S - (now.tv_sec - since->tv_sec);
    return left > 0 ? (int)left * 1000 : 0;
}

// Reads to the end. NULL: too long, too late, or no memory.
static char *read_all(int fd)
{
    struct timespec since;
    size_t len = 0, size = 1 << 16;
    char *text = malloc(size);

    clock_gettime(CLOCK_MONOTONIC, &since);
    while (text != NULL) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, left_ms(&since)) <= 0)
            break;
        const ssize_t n = read(fd, text + len, size - 1 - len);
        if (n == 0) {
            text[len] = '\0';
            return text;
        }
        if (n < 0)
            break;
        len += (size_t)n;
        if (len == size - 1) {
            char *more = size < TEXT_MAX ? realloc(text, size * 2) : NULL;
            if (more == NULL)
                break;
            text = more;
            size *= 2;
        }
    }
    free(text);
    return NULL;
}

char *run_and_read(const char *const *command, int *status)
{
    int ends[2], how = 0;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return NULL;
    const pid_t pid = start(command, ends[1]);
    close(ends[1]);
    char *text = pid > 0 ? read_all(ends[0]) : NULL;
    close(ends[0]);
    if (pid > 0 && text == NULL)
        kill(pid, SIGKILL);
    while (pid > 0 && waitpid(pid, &how, 0) < 0 && errno == EINTR) {
    }
    *status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
    return text;
}
