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

struct program {
    const char *name;
    const char *installed;
    const char *setting; // that wants it
};

static const struct program metrics = {"noonmark-metrics", NOONMARK_LIBEXECDIR "/noonmark-metrics",
                                       "metrics.listen"};
static const struct program etcd = {"noonmark-etcd", NOONMARK_LIBEXECDIR "/noonmark-etcd",
                                    "keys.fleet.etcd"};

// Where the program is in a build. False: the kernel does not say where noonmarkd is.
static bool beside(const char *name, char path[PATH_MAX])
{
    const ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
    char *slash = n > 0 && n < PATH_MAX ? memrchr(path, '/', (size_t)n) : NULL;

    if (slash == NULL || (size_t)(slash - path) + strlen(name) + 2 > PATH_MAX)
        return false;
    memcpy(slash + 1, name, strlen(name) + 1);
    return true;
}

// Whoever could change noonmarkd itself can change this one; nobody else may. 0 or -errno, logged.
static int judge(int fd, const char *path, const char *setting)
{
    struct stat own, st;

    if (stat("/proc/self/exe", &own) != 0 || fstat(fd, &st) != 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0) {
        log_error("%s (for %s) is no program; install it, or chmod a+rx it", path, setting);
        return -EACCES;
    }
    if ((st.st_uid != 0 && st.st_uid != own.st_uid) || (st.st_mode & S_IWOTH) != 0) {
        log_error("%s (for %s) can be changed by others than the owner of noonmarkd; "
                  "chown root and chmod o-w it",
                  path, setting);
        return -EPERM;
    }
    return 0;
}

static int open_program(const struct program *p)
{
    char built[PATH_MAX];
    const char *path = built;
    int fd = beside(p->name, built) ? open(path, O_PATH | O_CLOEXEC) : -1;

    if (fd < 0) {
        path = p->installed;
        fd = open(path, O_PATH | O_CLOEXEC);
    }
    if (fd < 0) {
        const int error = -errno;
        log_error(
            "there is no %s (for %s) beside noonmarkd, and %s: %s; install it, or take %s out "
            "of the configuration",
            p->name, p->setting, path, strerror(-error), p->setting);
        return error;
    }
    const int error = judge(fd, path, p->setting);
    if (error == 0)
        return fd;
    close(fd);
    return error;
}

int program_open_metrics(void)
{
    return open_program(&metrics);
}

int program_open_etcd(void)
{
    return open_program(&etcd);
}
