// NOONMARK_LIBEXECDIR is the build's: meson.build.
#include "supervisor/program.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define METRICS_PROGRAM "noonmark-metrics"
#define INSTALLED NOONMARK_LIBEXECDIR "/" METRICS_PROGRAM

// Where the program is in a build. False: the kernel does not say where noonmarkd is.
static bool beside(char path[PATH_MAX])
{
    const ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
    char *slash = n > 0 && n < PATH_MAX ? memrchr(path, '/', (size_t)n) : NULL;

    if (slash == NULL || (size_t)(slash - path) + sizeof METRICS_PROGRAM + 1 > PATH_MAX)
        return false;
    memcpy(slash + 1, METRICS_PROGRAM, sizeof METRICS_PROGRAM);
    return true;
}

// Whoever could change noonmarkd itself can change this one; nobody else may. 0 or -errno, logged.
static int judge(int fd, const char *path)
{
    struct stat own, st;

    if (stat("/proc/self/exe", &own) != 0 || fstat(fd, &st) != 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0) {
        log_error("%s (for metrics.listen) is no program; install it, or chmod a+rx it", path);
        return -EACCES;
    }
    if ((st.st_uid != 0 && st.st_uid != own.st_uid) || (st.st_mode & S_IWOTH) != 0) {
        log_error("%s (for metrics.listen) can be changed by others than the owner of noonmarkd; "
                  "chown root and chmod o-w it",
                  path);
        return -EPERM;
    }
    return 0;
}

int program_open_metrics(void)
{
    char built[PATH_MAX];
    const char *path = built;
    int fd = beside(built) ? open(path, O_PATH | O_CLOEXEC) : -1;

    if (fd < 0) {
        path = INSTALLED;
        fd = open(path, O_PATH | O_CLOEXEC);
    }
    if (fd < 0) {
        const int error = -errno;
        log_error("there is no " METRICS_PROGRAM " (for metrics.listen) beside noonmarkd, and "
                  "%s: %s; install it, or take metrics.listen out of the configuration",
                  path, strerror(-error));
        return error;
    }
    const int error = judge(fd, path);
    if (error == 0)
        return fd;
    close(fd);
    return error;
}
