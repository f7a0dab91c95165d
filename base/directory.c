#include "base/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

// All checks use one descriptor that follows no link, so nobody can exchange the directory in
// between.
int directory_open(int at, const char *path, uid_t uid, gid_t gid, mode_t mode)
{
    struct stat st;
    int error = 0;

    const bool made = mkdirat(at, path, 0700) == 0;
    const int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (made && (fchown(fd, uid, gid) != 0 || fchmod(fd, mode) != 0))
        error = -errno;
    else if (fstat(fd, &st) != 0)
        error = -errno;
    else if (st.st_uid != uid || (st.st_mode & 022) != 0)
        error = -EEXIST;
    if (error == 0)
        return fd;
    close(fd);
    return error;
}
