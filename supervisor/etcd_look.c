// The rights that a user has are read from owner and mode, because this process is root, who may
// all. The directories above a file are not looked at.
#include "supervisor/etcd_look.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/whole_file.h"
#include "supervisor/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READS = 4, WRITES = 2, SECRET_NOT_FOR = 037, SEAL_OCTETS = 32 };

static bool may(const struct stat *st, const struct user *user, mode_t right)
{
    const int shift = st->st_uid == user->uid ? 6 : st->st_gid == user->gid ? 3 : 0;
    return (st->st_mode >> shift & right) == right;
}

// As the mover reads it (etcd/disk.h).
static bool is_seal(int fd)
{
    char text[2 * SEAL_OCTETS + 3];

    const ssize_t n = whole_file_read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    const size_t digits = strspn(text, "0123456789abcdefABCDEF"),
                 end = digits + strspn(text + digits, "\r\n");
    bytes_wipe(text, sizeof text);
    return digits == 2 * SEAL_OCTETS && (ssize_t)end == n;
}

static bool look_at_seal(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const bool good = fd >= 0 && is_seal(fd);

    if (fd >= 0)
        close(fd);
    if (!good)
        log_error("%s (keys.fleet.seal) is not %d hexadecimal digits on one line; make it on one "
                  "node with `openssl rand -hex %d`, and copy it to the others",
                  path, 2 * SEAL_OCTETS, SEAL_OCTETS);
    return good;
}

static bool look_at_file(const char *path, const char *key, bool secret, const struct user *user)
{
    struct stat st;

    if (path[0] == '\0')
        return true;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0) {
        log_error("%s (%s) cannot be opened: %s; put it there, or name another file", path, key,
                  strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    close(fd);
    if (!S_ISREG(st.st_mode)) {
        log_error("%s (%s) is no plain file; name another one", path, key);
        return false;
    }
    if (secret && (st.st_mode & SECRET_NOT_FOR) != 0) {
        log_error("%s (%s) can be read by others; chmod 0640 it, or 0600", path, key);
        return false;
    }
    if (!may(&st, user, READS)) {
        log_error("%s (%s) cannot be read by control.user (uid %u); give it that group and chmod "
                  "0640 it",
                  path, key, user->uid);
        return false;
    }
    return true;
}

// The document is put in place by a rename.
static bool look_at_directory(const char *file, const struct user *user)
{
    char directory[PATH_MAX];
    struct stat st;

    snprintf(directory, sizeof directory, "%s", file);
    char *slash = strrchr(directory, '/');
    if (slash == NULL)
        return true;
    slash[slash == directory ? 1 : 0] = '\0';
    if (stat(directory, &st) != 0 && errno == ENOENT) {
        log_error("%s (of keys.fleet.file) is not there; make it, with control.user as its owner",
                  directory);
        return false;
    }
    if (stat(directory, &st) == 0 && may(&st, user, WRITES))
        return true;
    log_error("%s (of keys.fleet.file) cannot be written to by control.user (uid %u), which the "
              "mover by etcd must; chown it, or name a file beside keys.file",
              directory, user->uid);
    return false;
}

bool etcd_look_files(const struct config *config, const struct user *control)
{
    const struct config_etcd *e = &config->keys.etcd;

    if (e->n_endpoints == 0)
        return true;
    bool good = look_at_file(e->seal, "keys.fleet.seal", true, control) && look_at_seal(e->seal);
    good &= look_at_file(e->ca, "keys.fleet.ca", false, control);
    good &= look_at_file(e->cert, "keys.fleet.cert", false, control);
    good &= look_at_file(e->cert_key, "keys.fleet.cert_key", true, control);
    good &= look_at_file(e->password_file, "keys.fleet.password_file", true, control);
    good &= look_at_directory(config->keys.fleet_file, control);
    return good;
}

bool etcd_look(const struct config *config, const struct user *control)
{
    if (config->keys.etcd.n_endpoints == 0)
        return true;
    const int fd = program_open_etcd();
    if (fd >= 0)
        close(fd);
    return etcd_look_files(config, control) && fd >= 0;
}
