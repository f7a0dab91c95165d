// Who uses an interface: a listening socket whose name lives in the interface's own network
// namespace and which the kernel closes with its process, however that ends. Anybody can take such
// a name, so the sweep believes it only of the dataplane's user, and a server that finds it taken
// goes on: the kernel refuses a second program anyway.
#include "dataplane/port/xdp/xdp.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { OWNER_BACKLOG = 16 };

static socklen_t owner_name(unsigned ifindex, struct sockaddr_un *name)
{
    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    // sun_path[0] stays 0: the abstract namespace
    int len = snprintf(name->sun_path + 1, sizeof name->sun_path - 1, "noonmark-xdp-%u", ifindex);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

int xdp_owner_claim(unsigned ifindex)
{
    struct sockaddr_un name;
    socklen_t len = owner_name(ifindex, &name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&name, len) != 0 || listen(fd, OWNER_BACKLOG) != 0) {
        int fault = -errno;
        close(fd);
        return fault;
    }
    return fd;
}

void xdp_owner_greet(int owner)
{
    for (int fd; (fd = accept4(owner, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
        close(fd);
}

pid_t xdp_owner(unsigned ifindex, uid_t user)
{
    struct sockaddr_un name;
    socklen_t len = owner_name(ifindex, &name);
    // Not blocking: a full queue (EAGAIN) is for the caller to wait out.
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return 0;
    pid_t pid = 0;
    struct ucred peer;
    socklen_t peer_len = sizeof peer;
    if (connect(fd, (struct sockaddr *)&name, len) != 0)
        pid = errno == EAGAIN ? XDP_OWNER_BUSY : 0;
    else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_len) == 0 &&
             (user == XDP_ANY_USER || peer.uid == user || peer.uid == 0))
        pid = peer.pid;
    close(fd);
    return pid;
}
