// Reading and writing whole files.
#include "etcd/disk.h"

#include "base/bytes.h"
#include "base/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((format(printf, 2, 3))) static bool wrong(char why[DISK_WHY_MAX], const char *format,
                                                        ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why, DISK_WHY_MAX, format, arguments);
    va_end(arguments);
    return false;
}

// Why this open file is no place for a secret; NULL where it is one.
static const char *refusal(int fd, uid_t owner)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode))
        return "it is no plain file";
    if (st.st_uid != 0 && st.st_uid != owner && st.st_uid != geteuid())
        return "it belongs to another user; chown it to root or to control.user";
    if ((st.st_mode & 037) != 0)
        return "others have rights to it; chmod 0640 it, or 0600";
    return NULL;
}

// A secret file of fewer than room octets, with a NUL behind them.
static bool read_secret(const char *path, uid_t owner, char *text, size_t room,
                        char why[DISK_WHY_MAX])
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return wrong(why,
                     "%s: cannot be opened: %s; it must be there, and control.user must be "
                     "able to read it",
                     path, strerror(errno));
    const char *fault = refusal(fd, owner);
    const ssize_t n = fault != NULL ? 0 : whole_file_read(fd, text, room);
    close(fd);
    if (fault != NULL)
        return wrong(why, "%s: %s", path, fault);
    if (n < 0)
        return wrong(why, "%s: cannot be read: %s", path, strerror((int)-n));
    if ((size_t)n == room)
        return wrong(why, "%s: is too long", path);
    text[n] = '\0';
    return true;
}

bool disk_read_seal(const char *path, uid_t owner, uint8_t secret[SEAL_KEY_LEN],
                    char why[DISK_WHY_MAX])
{
    char text[2 * SEAL_KEY_LEN + 8];

    if (!read_secret(path, owner, text, sizeof text, why)) {
        bytes_wipe(text, sizeof text);
        return false;
    }
    size_t n = 0;
    for (; n < SEAL_KEY_LEN; n++) {
        const int high = hex_digit(text[2 * n]), low = high < 0 ? -1 : hex_digit(text[2 * n + 1]);
        if (low < 0)
            break;
        secret[n] = (uint8_t)(high << 4 | low);
    }
    const bool good = n == SEAL_KEY_LEN && text[2 * n + strspn(text + 2 * n, "\r\n")] == '\0';
    bytes_wipe(text, sizeof text);
    if (!good)
        bytes_wipe(secret, SEAL_KEY_LEN);
    return good || wrong(why,
                         "%s: is not %d hexadecimal digits on one line; make it on one node "
                         "with `openssl rand -hex %d`, and copy it to the others",
                         path, 2 * SEAL_KEY_LEN, SEAL_KEY_LEN);
}

bool disk_read_password(const char *path, uid_t owner, char password[DISK_PASSWORD_MAX],
                        char why[DISK_WHY_MAX])
{
    if (!read_secret(path, owner, password, DISK_PASSWORD_MAX, why))
        return false;
    password[strcspn(password, "\r\n")] = '\0';
    return password[0] != '\0' || wrong(why, "%s: its first line is empty", path);
}

bool disk_read_document(const char *path, char *text, size_t room, size_t *len,
                        char why[DISK_WHY_MAX])
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    *len = 0;
    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd < 0)
        return wrong(why, "%s: cannot be opened: %s", path, strerror(errno));
    const ssize_t n = whole_file_read(fd, text, room);
    close(fd);
    if (n < 0)
        return wrong(why, "%s: cannot be read: %s", path, strerror((int)-n));
    *len = (size_t)n;
    return true;
}

bool disk_write_document(const char *path, const char *text, size_t len, char why[DISK_WHY_MAX])
{
    char aside[PATH_MAX];
    const int n = snprintf(aside, sizeof aside, "%s.etcd", path);

    if (n < 0 || n >= (int)sizeof aside)
        return wrong(why, "%s: the name is too long", path);
    unlink(aside); // a killed writer may have left it
    const int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return wrong(why,
                     "%s: cannot be made: %s; control.user must be able to write to its "
                     "directory",
                     aside, strerror(errno));
    int error = whole_file_write(fd, text, len);
    if (close(fd) != 0 && error == 0)
        error = -errno;
    if (error == 0 && rename(aside, path) != 0)
        error = -errno;
    if (error != 0)
        unlink(aside);
    else
        error = whole_file_sync_directory(path);
    return error == 0 || wrong(why, "%s: cannot be written: %s", path, strerror(-error));
}
