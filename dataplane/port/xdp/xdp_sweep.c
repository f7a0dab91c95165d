#include "base/log.h"
#include "dataplane/port/xdp/xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SWEEP_MAPS_MAX = 8 };

static uint32_t mode_flags(uint8_t mode)
{
    return mode == XDP_ATTACHED_SKB  ? XDP_FLAGS_SKB_MODE
           : mode == XDP_ATTACHED_HW ? XDP_FLAGS_HW_MODE
                                     : XDP_FLAGS_DRV_MODE;
}

// Detaches exactly that program: if another has taken its place meanwhile, the kernel refuses.
static int detach(unsigned ifindex, int program, uint8_t mode)
{
    struct bpf_xdp_attach_opts only = {.sz = sizeof only, .old_prog_fd = program};
    return bpf_xdp_detach((int)ifindex, mode_flags(mode) | XDP_FLAGS_REPLACE, &only);
}

// Without CAP_SYS_ADMIN there is no descriptor of the program to compare with. Its id is enough to
// know it: the kernel does not give out the same one again soon, and the process that attached it
// is dead. Detaching takes CAP_NET_ADMIN alone.
static int sweep_unseen(const char *interface, unsigned ifindex,
                        const struct bpf_xdp_query_opts *query, const struct xdp_left *left)
{
    if (left == NULL || left->program != query->prog_id || left->ifindex != ifindex) {
        log_error("%s: cannot look at its XDP program (id %u): this needs CAP_SYS_ADMIN; 'ip link "
                  "set dev %s xdp off' removes it",
                  interface, query->prog_id, interface);
        return -EPERM;
    }
    const int fault = bpf_xdp_detach((int)ifindex, mode_flags(query->attach_mode), NULL);
    if (fault)
        log_error("%s: cannot detach the XDP program of a crashed run: %s; 'ip link set dev %s xdp "
                  "off' may",
                  interface, strerror(-fault), interface);
    else
        log_info("%s: the XDP program of a crashed run (id %u) is detached", interface,
                 query->prog_id);
    return fault;
}

// Is there an AF_XDP socket at queue 0 of the map? Only the kernel knows, and only a trial shows
// it: BPF_NOEXIST adds our socket only if the place is empty, and the kernel removes it when it is
// closed. Kernels before 5.10 refuse such a socket (-EOPNOTSUPP): then no socket is seen.
static int map_has_socket(int map, bool *has)
{
    const uint32_t queue = 0;
    const int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    *has = bpf_map_update_elem(map, &queue, &fd, BPF_NOEXIST) != 0 && errno == EEXIST;
    close(fd);
    return 0;
}

static bool begins_with(const char *text, const char *words)
{
    return strncmp(text, words, strlen(words)) == 0;
}

// Does a process serve through the program? The kernel removes a process's sockets from the map
// when the process ends, so a socket in the map means that its owner lives, perhaps in another
// container.
static int program_has_owner(const uint32_t *maps, uint32_t n_maps, bool *has)
{
    *has = false;
    for (uint32_t i = 0; i < n_maps && !*has; i++) {
        struct bpf_map_info info = {0};
        uint32_t len = sizeof info;
        const int map = bpf_map_get_fd_by_id(maps[i]);
        if (map < 0)
            return -errno;
        int fault = bpf_obj_get_info_by_fd(map, &info, &len) != 0 ? -errno : 0;
        if (!fault && info.type == BPF_MAP_TYPE_XSKMAP)
            fault = map_has_socket(map, has);
        close(map);
        if (fault)
            return fault;
    }
    return 0;
}

static int sweep_program(const char *interface, unsigned ifindex, const char *name,
                         const struct bpf_xdp_query_opts *query, int program)
{
    uint32_t maps[SWEEP_MAPS_MAX];
    struct bpf_prog_info info = {.nr_map_ids = SWEEP_MAPS_MAX, .map_ids = (uintptr_t)maps};
    uint32_t len = sizeof info;
    if (bpf_obj_get_info_by_fd(program, &info, &len) != 0)
        return -errno;
    if (!begins_with(info.name, XDP_NAMES)) {
        log_error("%s: a foreign XDP program '%s' (id %u) is attached; remove it with "
                  "'ip link set dev %s xdp off' (or 'xdp-loader unload %s --all')",
                  interface, info.name, info.id, interface, interface);
        return -EBUSY;
    }
    bool owned;
    int fault = program_has_owner(
        maps, info.nr_map_ids < SWEEP_MAPS_MAX ? info.nr_map_ids : SWEEP_MAPS_MAX, &owned);
    if (fault) {
        log_error("%s: cannot tell whether its XDP program is in use: %s", interface,
                  strerror(-fault));
        return fault;
    }
    if (owned) {
        log_error("%s: another process, perhaps of another container, uses it with the XDP program "
                  "'%s'; end "
                  "that process first",
                  interface, info.name);
        return -EBUSY;
    }
    if (!begins_with(info.name, name)) {
        log_error("%s: the XDP program '%s' of a crashed run is attached; remove it with 'ip link "
                  "set dev %s xdp off'",
                  interface, info.name, interface);
        return -EBUSY;
    }
    fault = detach(ifindex, program, query->attach_mode);
    if (fault) {
        log_error(
            "%s: cannot detach the XDP program of a crashed run: %s; try 'ip link set dev %s xdp "
            "off'",
            interface, strerror(-fault), interface);
        return fault;
    }
    log_info("%s: the XDP program of a crashed run is detached", interface);
    return 0;
}

static int sweep_attached(const char *interface, unsigned ifindex, const char *name,
                          const struct bpf_xdp_query_opts *query, const struct xdp_left *left)
{
    int program = bpf_prog_get_fd_by_id(query->prog_id);
    if (program < 0 && errno == ENOENT)
        return 0; // gone meanwhile
    if (program < 0 && errno == EPERM)
        return sweep_unseen(interface, ifindex, query, left);
    if (program < 0) {
        const int fault = -errno;
        log_error("%s: cannot look at its XDP program: %s", interface, strerror(-fault));
        return fault;
    }
    int fault = sweep_program(interface, ifindex, name, query, program);
    close(program);
    return fault;
}

int xdp_sweep(const char *interface, const char *name, struct xdp_left *left)
{
    struct bpf_xdp_query_opts query = {.sz = sizeof query};
    unsigned ifindex = if_nametoindex(interface);
    if (ifindex == 0)
        return 0; // the dataplane will report it
    int fault = bpf_xdp_query((int)ifindex, 0, &query);
    if (fault)
        log_error("%s: cannot ask for its XDP program: %s", interface, strerror(-fault));
    else if (query.prog_id != 0)
        fault = sweep_attached(interface, ifindex, name, &query, left);
    if (fault && left != NULL)
        *left = (struct xdp_left){.ifindex = ifindex, .program = query.prog_id};
    return fault;
}
