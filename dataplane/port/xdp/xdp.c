#include "dataplane/port/xdp/xdp.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int xdp_object_open(const struct xdp_program *program)
{
    int fd = memfd_create("noonmark_xdp", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int fault = -EIO;
    if (write(fd, program->object, *program->len) != (ssize_t)*program->len)
        goto fail;
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
        fault = -errno;
        goto fail;
    }
    return fd;
fail:
    close(fd);
    return fault;
}

// Calls visit for each descriptor of this process until it returns true.
static int each_descriptor(bool (*visit)(int fd, void *with), void *with)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return -errno;
    bool found = false;
    for (struct dirent *entry = readdir(dir); entry && !found; entry = readdir(dir)) {
        char *end;
        long fd = strtol(entry->d_name, &end, 10);
        if (end != entry->d_name && *end == '\0' && fd != dirfd(dir))
            found = visit((int)fd, with);
    }
    closedir(dir);
    return found ? 0 : -ENOENT;
}

struct program {
    uint32_t id;
    uint32_t n_maps;
    uint32_t map[XDP_MAPS_MAX]; // ids
};

// Does the descriptor's link have that target? bpf_obj_get_info_by_fd answers for programs and maps
// alike, with different structures, and refuses all other descriptors; the link tells which it is.
static bool points_at(int fd, const char *target)
{
    char path[32];
    char link[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(path, link, sizeof link - 1);
    if (len < 0)
        return false;
    link[len] = '\0';
    return strcmp(link, target) == 0;
}

static bool is_program(int fd, void *with)
{
    struct program *program = with;
    if (!points_at(fd, "anon_inode:bpf-prog"))
        return false;
    struct bpf_prog_info info = {
        .nr_map_ids = XDP_MAPS_MAX,
        .map_ids = (uint64_t)(uintptr_t)program->map,
    };
    uint32_t len = sizeof info;
    if (bpf_obj_get_info_by_fd(fd, &info, &len) != 0 || info.id != program->id)
        return false;
    program->n_maps = info.nr_map_ids < XDP_MAPS_MAX ? info.nr_map_ids : XDP_MAPS_MAX;
    return true;
}

int xdp_program_id(unsigned ifindex, uint32_t *id)
{
    return bpf_xdp_query_id((int)ifindex, 0, id);
}

static bool is_cut_off(int fd, void *with)
{
    int domain = 0;
    int fault = 0;
    socklen_t len = sizeof domain;
    (void)with;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 || domain != AF_XDP)
        return false;
    len = sizeof fault;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &len) == 0 && fault == ENETDOWN;
}

bool xdp_socket_cut_off(void)
{
    return each_descriptor(is_cut_off, NULL) == 0;
}

bool xdp_is_ours(unsigned ifindex)
{
    struct program program = {0};
    if (bpf_xdp_query_id((int)ifindex, 0, &program.id) != 0)
        return true; // the interface is gone
    return program.id == 0 || each_descriptor(is_program, &program) == 0;
}

struct wanted_map {
    const struct program *of;
    const char *name;
    int fd;
};

static bool is_wanted_map(int fd, void *with)
{
    struct wanted_map *wanted = with;
    struct bpf_map_info info = {0};
    uint32_t len = sizeof info;
    if (!points_at(fd, "anon_inode:bpf-map") || bpf_obj_get_info_by_fd(fd, &info, &len) != 0 ||
        strcmp(info.name, wanted->name) != 0)
        return false;
    for (uint32_t i = 0; i < wanted->of->n_maps; i++) {
        if (wanted->of->map[i] == info.id) {
            wanted->fd = fd;
            return true;
        }
    }
    return false;
}

static int find_map(const struct program *program, const char *name, int *fd)
{
    struct wanted_map wanted = {.of = program, .name = name, .fd = -1};
    int fault = each_descriptor(is_wanted_map, &wanted);
    if (fault)
        return fault;
    *fd = wanted.fd;
    return 0;
}

int xdp_maps_find(unsigned ifindex, const char *const *name, unsigned n, int *map)
{
    struct program program = {0};
    int found[XDP_MAPS_MAX];
    assert(n <= XDP_MAPS_MAX);
    int fault = bpf_xdp_query_id((int)ifindex, 0, &program.id);
    if (!fault)
        fault = each_descriptor(is_program, &program);
    for (unsigned i = 0; i < n && !fault; i++)
        fault = find_map(&program, name[i], &found[i]);
    if (!fault)
        memcpy(map, found, n * sizeof found[0]);
    return fault;
}

const char *xdp_mode(unsigned ifindex)
{
    struct bpf_xdp_query_opts query = {.sz = sizeof query};
    if (bpf_xdp_query((int)ifindex, 0, &query) != 0)
        return "";
    switch (query.attach_mode) {
    case XDP_ATTACHED_DRV:
        return "XDP native";
    case XDP_ATTACHED_SKB:
        return "XDP generic";
    case XDP_ATTACHED_HW:
        return "XDP offloaded";
    default:
        return "";
    }
}
