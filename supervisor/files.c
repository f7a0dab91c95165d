// Files. The administrator chooses the paths; ke, not root, parses the certificates and keys.
#include "supervisor/files.h"

#include "base/directory.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int files_config(const struct config *config)
{
    int error = 0;
    const int fd = memfd_create("noonmark-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    const int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    FILE *out = copy < 0 ? NULL : fdopen(copy, "w");

    if (out == NULL) {
        error = -errno;
        goto fail;
    }
    error = config_print(config, out);
    if (fclose(out) != 0 && error == 0)
        error = -errno;
    if (error == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
        error = -errno;
    if (error == 0)
        return fd;
fail:
    log_error("cannot write the configuration into memory: %s", strerror(-error));
    if (out == NULL && copy >= 0)
        close(copy);
    if (fd >= 0)
        close(fd);
    return error;
}

int files_reopen(int fd)
{
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const int again = open(path, O_RDONLY | O_CLOEXEC);
    return again >= 0 ? again : -errno;
}

int files_open_certificate(const char *path, const char *key)
{
    struct stat st;

    // Non-blocking, so that a FIFO at the path cannot block the supervisor.
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0) {
        const int error = errno;
        log_error("cannot open %s (%s): %s", path, key, strerror(error));
        if (fd >= 0)
            close(fd);
        return -error;
    }
    if (!S_ISREG(st.st_mode)) {
        log_error("%s (%s) is not a file", path, key);
        close(fd);
        return -EINVAL;
    }
    return fd;
}

static int key_directory(const char *file, const struct user *control, bool make)
{
    char *directory = strdup(file);

    if (directory == NULL)
        return -ENOMEM;
    char *slash = strrchr(directory, '/');
    slash[slash == directory] = '\0';

    int error = make ? directory_open(AT_FDCWD, directory, control->uid, control->gid, 0700)
                     : directory_look(directory, control->uid);
    if (make && error >= 0) {
        close(error);
        error = 0;
    }
    if (error == -EEXIST)
        log_error("%s holds keys.file but is not control.user's alone; mend it: chown %u:%u %s "
                  "&& chmod 0700 %s",
                  directory, control->uid, control->gid, directory, directory);
    else if (error != 0)
        log_error("cannot make or open %s, the directory of keys.file: %s", directory,
                  strerror(-error));
    free(directory);
    return error;
}

int files_key_directory(const char *file, const struct user *control)
{
    return key_directory(file, control, true);
}

int files_look_key_directory(const char *file, const struct user *control)
{
    return key_directory(file, control, false);
}
