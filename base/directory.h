// Directories for the files and sockets of this program that no other user can take or replace. Any
// thread.
#pragma once

#include <sys/types.h>

// Opens the directory at path (a relative path starts at the directory `at`). Makes it with that
// owner and mode if it is missing; its parent must exist. Follows no link in the last part of the
// path. -EEXIST: the directory belongs to another user, or others may write to it. Returns the
// descriptor or -errno, not logged.
int directory_open(int at, const char *path, uid_t uid, gid_t gid, mode_t mode);

// Would directory_open open the absolute path, or make it? Changes nothing. 0 or its error.
int directory_look(const char *path, uid_t uid);
