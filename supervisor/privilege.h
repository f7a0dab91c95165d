// Users and capabilities: the identity and the rights of a process. A set of capabilities is one
// word, bit CAP_X of <linux/capability.h>. All functions act on the calling thread, so only
// single-threaded processes call them: the supervisor, and a child between fork and exec.
#pragma once

#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CAPABILITY(x) ((uint64_t)1 << (x))

struct user {
    uid_t uid;
    gid_t gid;
};

// "name", "UID" (its group has the same number) or "UID:GID". 0, -ENOENT when there is no such
// user, or -EPERM when it is root.
int privilege_user(const char *text, struct user *user);

// The permitted set of this process. 0 or -errno.
int privilege_permitted(uint64_t *set);

// Gives up all capabilities outside of set for ever, in this process and all that it will start.
// The user stays the same. 0 or -errno.
int privilege_keep(uint64_t set);

// For a child before exec: becomes user (NULL: stays root), without supplementary groups; after
// exec it has exactly set, and no program that it executes can have more. 0 or -errno.
int privilege_become(const struct user *user, uint64_t set);

// Writes the names of a set, "CAP_BPF, CAP_NET_ADMIN", as far as they fit.
void privilege_names(uint64_t set, char *out, size_t len);
