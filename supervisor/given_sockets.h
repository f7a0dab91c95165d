// Listening sockets that the service manager has opened and hands over at the start (systemd's
// socket activation, sd_listen_fds(3)). It keeps them while noonmarkd is restarted, so that
// connections wait instead of being refused. Single-threaded; faults are logged here.
#pragma once

#include "base/bounds.h"
#include "config/config.h"
#include "supervisor/kept_sockets.h"

#include <stdint.h>
#include <sys/socket.h>

enum { GIVEN_NAME_MAX = 64 }; // octets of a socket's name, with its NUL; longer ones are cut

struct given_socket {
    int fd; // -1: taken
    struct sockaddr_storage address;
    char name[GIVEN_NAME_MAX]; // as the manager calls it, for messages; may be ""
};

struct given_sockets {
    uint32_t n;
    struct given_socket socket[LISTENERS_MAX];
};

// Takes the descriptors that the environment names (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES), from 3
// on, and removes these variables. Sockets that an earlier noonmarkd gave the service manager to
// keep go to *kept, all others to *given. Both are empty when there are no variables, or when they
// are for another process. 0, or -EINVAL when one of the others is no listening TCP socket: then
// those are closed, and the caller still has to end *kept.
int given_sockets_take(struct given_sockets *given, struct kept_sockets *kept);

// The descriptor of the socket at that address, which the caller owns; -1: none was given.
int given_sockets_claim(struct given_sockets *given, const struct config_listen *at);

// Closes what nobody has claimed. 0, or -EINVAL when there was something: the manager and the
// configuration name different addresses.
int given_sockets_end(struct given_sockets *given);
