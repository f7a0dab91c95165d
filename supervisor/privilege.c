// capabilities(7) by its system calls; four of them are enough.
#include "supervisor/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// The capabilities that this program uses.
static const struct {
    unsigned bit;
    const char *name;
} names[] = {
    {CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
    {CAP_KILL, "CAP_KILL"},
    {CAP_SETGID, "CAP_SETGID"},
    {CAP_SETUID, "CAP_SETUID"},
    {CAP_SETPCAP, "CAP_SETPCAP"},
    {CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE"},
    {CAP_NET_ADMIN, "CAP_NET_ADMIN"},
    {CAP_NET_RAW, "CAP_NET_RAW"},
    {CAP_IPC_LOCK, "CAP_IPC_LOCK"},
    {CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE"},
    {CAP_BPF, "CAP_BPF"},
};

void privilege_names(uint64_t set, char *out, size_t len)
{
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0] && at < len; i++)
        if (set & CAPABILITY(names[i].bit))
            at += (size_t)snprintf(out + at, len - at, "%s%s", at == 0 ? "" : ", ", names[i].name);
}

int privilege_user(const char *text, struct user *user)
{
    struct user u;
    char *end;

    if (text[0] >= '0' && text[0] <= '9') { // the schema has checked the range
        u.uid = (uid_t)strtoul(text, &end, 10);
        u.gid = *end == ':' ? (gid_t)strtoul(end + 1, NULL, 10) : (gid_t)u.uid;
    } else {
        const struct passwd *entry = getpwnam(text);
        if (entry == NULL)
            return -ENOENT;
        u.uid = entry->pw_uid;
        u.gid = entry->pw_gid;
    }
    if (u.uid == 0 || u.gid == 0)
        return -EPERM;
    *user = u;
    return 0;
}

static int capability_get(struct __user_cap_data_struct data[2])
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    return syscall(SYS_capget, &header, data) == 0 ? 0 : -errno;
}

static int capability_set(uint64_t permitted, uint64_t inheritable)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    for (int i = 0; i < 2; i++) {
        data[i].permitted = data[i].effective = (uint32_t)(permitted >> (32 * i));
        data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
    }
    return syscall(SYS_capset, &header, data) == 0 ? 0 : -errno;
}

int privilege_permitted(uint64_t *set)
{
    struct __user_cap_data_struct data[2];
    const int result = capability_get(data);

    if (result == 0)
        *set = data[0].permitted | (uint64_t)data[1].permitted << 32;
    return result;
}

// The bounding set limits all later execs. The loop ends at the kernel's last capability.
static int bound(uint64_t set)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        const int there = prctl(PR_CAPBSET_READ, bit, 0, 0, 0);
        if (there < 0)
            break;
        if (there == 1 && !(set & CAPABILITY(bit)) && prctl(PR_CAPBSET_DROP, bit, 0, 0, 0) != 0)
            return -errno;
    }
    return 0;
}

int privilege_keep(uint64_t set)
{
    uint64_t permitted;
    int result = privilege_permitted(&permitted);

    if (result == 0)
        result = bound(set);
    if (result == 0)
        result = capability_set(permitted & set, 0);
    return result;
}

// KEEPCAPS, because a change from root to another user clears the permitted set, and its
// capabilities could then not become ambient. Ambient, because only ambient capabilities survive an
// exec of a user other than root.
int privilege_become(const struct user *user, uint64_t set)
{
    uint64_t permitted;
    int result = privilege_permitted(&permitted);

    if (result != 0)
        return result;
    set &= permitted;
    result = bound(set);
    if (result != 0)
        return result;
    if (setgroups(0, NULL) != 0 || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
        return -errno;
    if (user != NULL && (setresgid(user->gid, user->gid, user->gid) != 0 ||
                         setresuid(user->uid, user->uid, user->uid) != 0))
        return -errno;
    result = capability_set(set, set);
    if (result != 0)
        return result;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        return -errno;
    for (unsigned bit = 0; user != NULL && bit < 64; bit++)
        if (set & CAPABILITY(bit) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit, 0, 0) != 0)
            return -errno;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : -errno;
}
