// What the server must know of a vdev's arguments before DPDK sees them. Pure except for the file
// system.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// The socket that the memif server of a vdev string would make in the file system. False when it
// makes none (another driver, a client, an abstract name).
bool vdev_socket(const char *text, char *path, size_t size);

// Prepares the path of that socket. Its directory must belong to root or to this process's user and
// nobody else may write to it, or another user could take the name. A socket on which no process
// listens is removed: a crashed run left it, and DPDK would find the name in use. 0, also when the
// vdev string has no such socket; -EPERM, logged in one line, when the directory is not safe.
int vdev_prepare_socket(const char *text);

// Is it a memif server's device whose socket has no file any more, so that no peer can come?
bool vdev_socket_gone(const char *text);
