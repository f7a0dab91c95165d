#include "base/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

ssize_t whole_file_read(int fd, void *at, size_t len)
{
    size_t n = 0;
    while (n < len) {
        const ssize_t got = read(fd, (char *)at + n, len - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

int whole_file_write(int fd, const void *at, size_t len)
{
    for (size_t n = 0; n < len;) {
        const ssize_t put = write(fd, (const char *)at + n, len - n);
        if (put > 0)
            n += (size_t)put;
        else if (put == 0 || errno != EINTR)
            return put == 0 ? -ENOSPC : -errno;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

int whole_file_sync_directory(const char *path)
{
    char directory[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL) {
        const size_t len = slash == path ? 1 : (size_t)(slash - path);
        if (len >= sizeof directory)
            return -ENAMETOOLONG;
        memcpy(directory, path, len);
        directory[len] = '\0';
    }
    const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    const int err = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return err;
}
