#include "base/log.h"
#include "dataplane/port/xdp/xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    OWNER_TRIES = 30,
    OWNER_TRY_MS = 100,
};

// Detaches exactly that program: if another has taken its place meanwhile, the kernel refuses.
static int detach(unsigned ifindex, int program, uint8_t mode)
{
    struct bpf_xdp_attach_opts only = {.sz = sizeof only, .old_prog_fd = program};
    uint32_t flags = mode == XDP_ATTACHED_SKB  ? XDP_FLAGS_SKB_MODE
                     : mode == XDP_ATTACHED_HW ? XDP_FLAGS_HW_MODE
                                               : XDP_FLAGS_DRV_MODE;
    return bpf_xdp_detach((int)ifindex, flags | XDP_FLAGS_REPLACE, &only);
}

// The owner that is still there after a while: one that is just ending, after its supervisor was
// killed, gets the time to. A queue that stays full so long is nobody's who lives.
static pid_t lasting_owner(unsigned ifindex, uid_t user)
{
    pid_t owner = xdp_owner(ifindex, user);
    for (int i = 0; owner != 0 && i < OWNER_TRIES; i++) {
        nanosleep(&(struct timespec){.tv_nsec = OWNER_TRY_MS * 1000000L}, NULL);
        owner = xdp_owner(ifindex, user);
    }
    return owner;
}

static bool begins_with(const char *text, const char *words)
{
    return strncmp(text, words, strlen(words)) == 0;
}

static int sweep_program(const char *interface, unsigned ifindex, const char *name, uid_t user,
                         const struct bpf_xdp_query_opts *query, int program)
{
    struct bpf_prog_info info = {0};
    uint32_t len = sizeof info;
    if (bpf_obj_get_info_by_fd(program, &info, &len) != 0)
        return -errno;
    if (!begins_with(info.name, XDP_NAMES)) {
        log_error("%s: the XDP program '%s' (id %u) of somebody else is attached; remove it with "
                  "'ip link set dev %s xdp off' (or 'xdp-loader unload %s --all')",
                  interface, info.name, info.id, interface, interface);
        return -EBUSY;
    }
    pid_t owner = lasting_owner(ifindex, user);
    if (owner > 0) {
        log_error("%s: process %d uses it, with the XDP program '%s'; end that process first",
                  interface, (int)owner, info.name);
        return -EBUSY;
    }
    if (!begins_with(info.name, name)) {
        log_error("%s: the XDP program '%s' of a crashed run is attached; remove it with 'ip link "
                  "set dev %s xdp off'",
                  interface, info.name, interface);
        return -EBUSY;
    }
    int fault = detach(ifindex, program, query->attach_mode);
    if (fault) {
        log_error("%s: cannot detach the XDP program of a crashed run: %s; 'ip link set dev %s xdp "
                  "off' may",
                  interface, strerror(-fault), interface);
        return fault;
    }
    log_info("%s: the XDP program of a crashed run is detached", interface);
    return 0;
}

int xdp_sweep(const char *interface, const char *name, uid_t user)
{
    struct bpf_xdp_query_opts query = {.sz = sizeof query};
    unsigned ifindex = if_nametoindex(interface);
    if (ifindex == 0)
        return 0; // the dataplane will say so
    int fault = bpf_xdp_query((int)ifindex, 0, &query);
    if (fault) {
        log_error("%s: cannot ask for its XDP program: %s", interface, strerror(-fault));
        return fault;
    }
    if (query.prog_id == 0)
        return 0;
    int program = bpf_prog_get_fd_by_id(query.prog_id);
    if (program < 0 && errno == ENOENT)
        return 0; // gone meanwhile
    if (program < 0) {
        log_error("%s: cannot look at its XDP program: %s; this needs CAP_SYS_ADMIN", interface,
                  strerror(errno));
        return -errno;
    }
    fault = sweep_program(interface, ifindex, name, user, &query, program);
    close(program);
    return fault;
}
