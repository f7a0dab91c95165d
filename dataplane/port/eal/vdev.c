#include "dataplane/port/eal/vdev.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// The value of key in "name,key=value,...". The length, or 0 when it is not there.
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

void vdev_clear_socket(const char *text)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct stat about;
    if (!vdev_socket(text, name.sun_path, sizeof name.sun_path) ||
        lstat(name.sun_path, &about) != 0 || !S_ISSOCK(about.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (connect(fd, (struct sockaddr *)&name, sizeof name) != 0 && errno == ECONNREFUSED &&
        unlink(name.sun_path) == 0)
        log_info("%s: the socket of a crashed run is removed", name.sun_path);
    close(fd);
}
