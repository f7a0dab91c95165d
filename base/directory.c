#include "base/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int judge(int fd, uid_t uid)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return -errno;
    return st.st_uid != uid || (st.st_mode & 022) != 0 ? -EEXIST : 0;
}

// All through one descriptor that follows no link: nobody can exchange the directory in between.
int directory_open(int at, const char *path, uid_t uid, gid_t gid, mode_t mode)
{
    int error = 0;

    const bool made = mkdirat(at, path, 0700) == 0;
    const int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (made && (fchown(fd, uid, gid) != 0 || fchmod(fd, mode) != 0))
        error = -errno;
    else
        error = judge(fd, uid);
    if (error == 0)
        return fd;
    close(fd);
    return error;
}

// Its parent must be a directory: only the last part of a path is made.
static int look_at_parent(const char *path)
{
    struct stat st;
    char *parent = strdup(path);

    if (parent == NULL)
        return -ENOMEM;
    char *slash = strrchr(parent, '/');
    if (slash != NULL)
        slash[slash == parent] = '\0';
    const int error = slash == NULL || stat(parent, &st) == 0 ? 0 : -errno;
    free(parent);
    return error != 0 || slash == NULL || S_ISDIR(st.st_mode) ? error : -ENOTDIR;
}

int directory_look(const char *path, uid_t uid)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? look_at_parent(path) : -errno;
    const int error = judge(fd, uid);
    close(fd);
    return error;
}
