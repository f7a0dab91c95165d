// What we must know of a vdev's arguments before DPDK sees them. Pure but for the file system.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// The socket that the memif server of a vdev string would make in the file system. False when it
// makes none (another driver, a client, an abstract name).
bool vdev_socket(const char *text, char *path, size_t size);

// Removes that socket when nobody listens on it: a crashed run has left it, and DPDK would find the
// name in use.
void vdev_clear_socket(const char *text);
