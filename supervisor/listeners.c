// Binding sockets, and messages that say which program may use an address that cannot be bound.
#include "supervisor/listeners.h"

#include "base/directory.h"
#include "base/log.h"
#include "base/now.h"
#include "supervisor/addresses.h"

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    BACKLOG = 4096, // the kernel limits it to net.core.somaxconn
    CONTROL_BACKLOG = 16,
    RETRY_MS = 50,
    // How long the kernel keeps a connection that has ended (TIME_WAIT), and a little.
    CLOSING_WAIT_MS = 65000,
};

// True, after a pause, when another try makes sense.
static bool try_again(int error, uint64_t deadline_ms)
{
    if ((error != EADDRINUSE && error != EADDRNOTAVAIL) || now_ms() >= deadline_ms)
        return false;
    nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000L}, NULL);
    return true;
}

static int set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value);
}

// 0 or errno. With SO_REUSEADDR it may be listen, not bind, that finds the address taken.
static int bind_and_listen(int fd, const struct config_listen *listen_at, uint64_t deadline_ms)
{
    const struct sockaddr_storage *address = &listen_at->address;

    while (bind(fd, (const struct sockaddr *)address, listen_at->len) != 0) {
        const int error = errno;
        // Its interface has it already: it may be bound before it is usable. An address that no
        // interface has is not bound in this way, since it may be a typing error.
        if (error == EADDRNOTAVAIL && address_state(address) == ADDRESS_TENTATIVE) {
            log_info("TCP address %s (%s) is still tentative: it answers once duplicate "
                     "address detection has ended",
                     listen_at->text, listen_at->key);
            if (set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1) != 0)
                return errno;
        } else if (!try_again(error, deadline_ms)) {
            return error;
        }
    }
    while (listen(fd, BACKLOG) != 0)
        if (!try_again(errno, deadline_ms))
            return errno;
    return 0;
}

static uint16_t port_of(const struct sockaddr_storage *address)
{
    return ntohs(address->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)address)->sin6_port
                                                : ((const struct sockaddr_in *)address)->sin_port);
}

static void log_failure(const struct config_listen *listen_at, int error)
{
    const char *text = listen_at->text, *key = listen_at->key;

    if (error == EADDRINUSE && port_is_closing(port_of(&listen_at->address)))
        log_error("TCP address %s (%s) is held by a connection that has ended "
                  "(TIME_WAIT); try again in a minute",
                  text, key);
    else if (error == EADDRINUSE)
        log_error("TCP address %s (%s) is taken by another program, perhaps another "
                  "noonmarkd; 'ss -ltnp' shows which; stop it or choose another address",
                  text, key);
    else if (error == EADDRNOTAVAIL && address_state(&listen_at->address) == ADDRESS_DUPLICATE)
        log_error("TCP address %s (%s) is used by another machine, too (duplicate "
                  "address detection); give one of the two another address",
                  text, key);
    else if (error == EADDRNOTAVAIL)
        log_error("TCP address %s (%s) is not one of this machine; correct it, or "
                  "start noonmarkd once the network is up (After=network-online.target)",
                  text, key);
    else if (error == EAFNOSUPPORT)
        log_error("TCP address %s (%s) is %s, which this kernel does not have; remove "
                  "it",
                  text, key, listen_at->address.ss_family == AF_INET6 ? "IPv6" : "IPv4");
    else
        log_error("cannot listen on %s (%s): %s", text, key, strerror(error));
}

int listener_open(const struct config_listen *listen_at, uint64_t deadline_ms)
{
    const int family = listen_at->address.ss_family;
    int error = 0;

    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        error = errno;
        goto fail;
    }
    if (set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0 ||
        (family == AF_INET6 && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) != 0)) {
        error = errno;
        goto fail;
    }
    error = bind_and_listen(fd, listen_at, deadline_ms);
    if (error == EADDRINUSE && deadline_ms != 0 && port_is_closing(port_of(&listen_at->address))) {
        log_warning("TCP address %s (%s) is held by a connection that has ended "
                    "(TIME_WAIT): waiting for up to %d s",
                    listen_at->text, listen_at->key, CLOSING_WAIT_MS / 1000);
        error = bind_and_listen(fd, listen_at, now_ms() + CLOSING_WAIT_MS);
    }
    if (error != 0)
        goto fail;
    return fd;

fail:
    log_failure(listen_at, error);
    if (fd >= 0)
        close(fd);
    return -error;
}

int listener_look(const struct config_listen *listen_at)
{
    struct sockaddr_storage any_port = listen_at->address;
    int error = 0;

    // At any port: the one that is meant may be held by the server that runs.
    if (any_port.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&any_port)->sin6_port = 0;
    else
        ((struct sockaddr_in *)&any_port)->sin_port = 0;
    const int fd = socket(any_port.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&any_port, listen_at->len) != 0)
        error = errno;
    if (fd >= 0)
        close(fd);
    if (error == EADDRNOTAVAIL && address_state(&listen_at->address) == ADDRESS_TENTATIVE)
        error = 0;
    if (error != 0)
        log_failure(listen_at, error);
    return -error;
}

bool listener_listens(int fd)
{
    int listens = 0;
    socklen_t len = sizeof listens;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens != 0;
}

static bool has_option(int fd, int level, int option, int wanted)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, level, option, &value, &len) == 0 && value == wanted;
}

bool listener_adopt(int fd)
{
    int family = 0;
    socklen_t len = sizeof family;

    return has_option(fd, SOL_SOCKET, SO_TYPE, SOCK_STREAM) && listener_listens(fd) &&
           getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 &&
           (family == AF_INET ||
            (family == AF_INET6 && has_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1))) &&
           set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

// The directory belongs to root or to control's user, whose socket it is, and to nobody else.
static int directory_of(const char *path, uid_t user, bool make)
{
    char directory[sizeof((struct sockaddr_un *)0)->sun_path];

    memcpy(directory, path, strlen(path) + 1);
    char *slash = strrchr(directory, '/');
    if (slash == directory)
        return 0;
    *slash = '\0';
    int error = make ? directory_open(AT_FDCWD, directory, geteuid(), getegid(), 0755)
                     : directory_look(directory, 0);
    if (make && error >= 0) {
        close(error);
        error = 0;
    }
    if (error == -EEXIST && user != 0)
        error = directory_look(directory, user);
    if (error == -EEXIST)
        log_error("%s holds control.socket, and a user other than root and control.user could take "
                  "the socket's name; name another directory, or chown root %s && chmod go-w %s",
                  directory, directory, directory);
    else if (error != 0)
        log_error("cannot make or open %s, the directory of control.socket: %s", directory,
                  strerror(-error));
    return error;
}

// A socket that a crashed run left refuses at once; EAGAIN means a live process with a full queue.
static int remove_stale(const struct sockaddr_un *address)
{
    struct stat st;

    if (lstat(address->sun_path, &st) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    const int error =
        connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
    close(fd);
    if (error != ECONNREFUSED)
        return -EADDRINUSE;
    return unlink(address->sun_path) == 0 ? 0 : -errno;
}

static const char no_socket[] =
    "%s (control.socket) is there and no socket; remove it or choose another path";

// The mode must be right from the start: anybody could connect between bind and chmod.
static int bind_private(int fd, const struct sockaddr_un *address)
{
    const mode_t before = umask(0177);
    const int error = bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : -errno;
    umask(before);
    return error;
}

int control_socket_open(struct control_socket *s, const char *path, uid_t user,
                        uint64_t deadline_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat st;
    int error = directory_of(path, user, true);

    if (error != 0)
        return error;
    memcpy(address.sun_path, path, strlen(path) + 1);
    do
        error = remove_stale(&address);
    while (error != 0 && try_again(-error, deadline_ms));

    int fd = -1;
    if (error == 0) {
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        error = fd < 0 ? -errno : bind_private(fd, &address);
    }
    if (error == 0 && (listen(fd, CONTROL_BACKLOG) != 0 || lstat(path, &st) != 0))
        error = -errno;
    if (error == 0) {
        *s = (struct control_socket){
            .fd = fd, .path = path, .user = user, .device = st.st_dev, .inode = st.st_ino};
        return 0;
    }
    if (fd >= 0)
        close(fd);
    if (error == -EEXIST)
        log_error(no_socket, path);
    else if (error == -EADDRINUSE)
        log_error("another noonmarkd answers at %s (control.socket); stop it or choose another "
                  "path",
                  path);
    else
        log_error("cannot make %s (control.socket): %s", path, strerror(-error));
    return error;
}

int control_socket_look(const char *path, uid_t user)
{
    struct stat st;
    const int error = directory_of(path, user, false);

    if (error == 0 && lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
        log_error(no_socket, path);
        return -EEXIST;
    }
    return error;
}

void control_socket_close(struct control_socket *s)
{
    struct stat st;

    if (s->fd < 0)
        return;
    if (lstat(s->path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode)
        unlink(s->path);
    close(s->fd);
    s->fd = -1;
}
