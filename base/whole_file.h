// Reading and writing of a file to its last octet, whatever the kernel does in one call. Waits for
// the disk. Any thread.
#pragma once

#include <stddef.h>
#include <sys/types.h>

// Reads to the end of the file, at most len octets. Returns how many, or -errno.
ssize_t whole_file_read(int fd, void *at, size_t len);

// Writes all, and syncs the file. 0 or -errno.
int whole_file_write(int fd, const void *at, size_t len);

// Syncs the directory in which a path is: a rename there is durable then. 0 or -errno.
int whole_file_sync_directory(const char *path);
