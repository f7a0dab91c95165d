#include "dataplane/port/eal/vdev.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// Finds the value of key in "name,key=value,...". Returns its length, or 0 when the key is missing.
static size_t value_of(const char *text, const char *key, const char **value)
{
    size_t key_len = strlen(key);
    for (const char *at = strchr(text, ','); at; at = strchr(at, ',')) {
        at++;
        if (strncmp(at, key, key_len) == 0 && at[key_len] == '=') {
            *value = at + key_len + 1;
            return strcspn(*value, ",");
        }
    }
    return 0;
}

static bool value_is(const char *text, const char *key, const char *expected)
{
    const char *value;
    size_t len = value_of(text, key, &value);
    return len == strlen(expected) && memcmp(value, expected, len) == 0;
}

bool vdev_socket(const char *text, char *path, size_t size)
{
    const char *value;
    size_t len = value_of(text, "socket", &value);
    bool server = value_is(text, "role", "server") || value_is(text, "role", "master");
    if (strncmp(text, "net_memif", 9) != 0 || !server || len == 0 || len >= size ||
        !value_is(text, "socket-abstract", "no"))
        return false;
    memcpy(path, value, len);
    path[len] = '\0';
    return true;
}

// A missing directory is safe: DPDK will report it.
static bool is_safe(const char *directory)
{
    struct stat about;
    if (stat(directory, &about) != 0)
        return true;
    return (about.st_uid == 0 || about.st_uid == geteuid()) && (about.st_mode & 022) == 0;
}

static void clear_socket(const struct sockaddr_un *name)
{
    struct stat about;
    if (lstat(name->sun_path, &about) != 0 || !S_ISSOCK(about.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)name, sizeof *name) != 0 && errno == ECONNREFUSED &&
        unlink(name->sun_path) == 0)
        log_info("%s: the socket of a crashed run is removed", name->sun_path);
    close(fd);
}

int vdev_prepare_socket(const char *text)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char directory[sizeof name.sun_path];
    if (!vdev_socket(text, name.sun_path, sizeof name.sun_path))
        return 0;
    memcpy(directory, name.sun_path, sizeof directory);
    char *slash = strrchr(directory, '/');
    if (slash)
        slash[slash == directory] = '\0';
    if (slash && !is_safe(directory)) {
        log_error(
            "%s: another user may write to %s and so take the socket's name; name a directory "
            "that belongs to dataplane.user and has mode 0755 or 0700",
            name.sun_path, directory);
        return -EPERM;
    }
    clear_socket(&name);
    return 0;
}

bool vdev_socket_gone(const char *text)
{
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    struct stat about;
    return vdev_socket(text, path, sizeof path) && lstat(path, &about) != 0 && errno == ENOENT;
}
