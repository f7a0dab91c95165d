// The sockets that the supervisor opens: listeners of NTS-KE, and the control socket; the guard
// sockets have a file of their own (guard_socket.h). They outlive the children, so that connections
// queue while ke is restarted. Failures are logged here, as one line that says what to do.
// Single-threaded.
#pragma once

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// A supervisor that was killed a moment ago may still have children that hold its sockets and are
// about to end, and at boot an address may come a moment later: one that is in use or absent is
// tried again until deadline_ms on the monotonic clock (0: never). An IPv6 address that is still
// tentative is bound at once; a port that only ended connections hold is waited for as long as the
// kernel keeps those.

// A listening TCP socket, non-blocking; an IPv6 one accepts no IPv4. Returns the descriptor or
// -errno.
int listener_open(const struct config_listen *listen, uint64_t deadline_ms);

// Is it an address that listener_open could bind, whoever holds its port? 0 or -errno, logged
// likewise; nothing listens.
int listener_look(const struct config_listen *listen);

// False when a child that shares the socket has shut it down: it must be opened anew.
bool listener_listens(int fd);

// Makes a listening socket that an earlier supervisor has opened as listener_open() would have.
// False: it is none, or an option of it is another one.
bool listener_adopt(int fd);

struct control_socket {
    int fd;
    const char *path; // the configuration's
    uid_t user;       // control's
    dev_t device;     // of the socket that this process made, so that no other one is removed
    ino_t inode;
};

// The listening Unix socket, mode 0600. Its directory is made if missing; an existing directory
// must belong to root or to user, control's, and be writable by nobody else (-EEXIST). A file at
// the path is removed only if it is a socket on which no process listens. 0 or -errno.
int control_socket_open(struct control_socket *s, const char *path, uid_t user,
                        uint64_t deadline_ms);

// Would its directory and its path do, whether a server runs or not? Changes nothing. 0 or -errno,
// logged likewise.
int control_socket_look(const char *path, uid_t user);

// Removes the file if it is still ours, and closes.
void control_socket_close(struct control_socket *s);
