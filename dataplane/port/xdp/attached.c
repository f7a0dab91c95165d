#include "dataplane/port/xdp/attached.h"

#include "dataplane/port/xdp/foreign_log.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stddef.h>
#include <unistd.h>

// The kernel's BPF_F_XDP_DEV_BOUND_ONLY, which Debian 12's headers do not have.
enum { FOR_ONE_DEVICE = 1 << 6 };

static int load(struct attached *attached, unsigned ifindex, const struct xdp_program *program,
                int *fd)
{
    const struct bpf_object_open_opts opts = {.sz = sizeof opts, .object_name = "noonmark"};
    attached->object = bpf_object__open_mem(program->object, *program->len, &opts);
    if (!attached->object)
        return -errno;
    struct bpf_program *it = bpf_object__find_program_by_name(attached->object, program->name);
    if (program->for_device) {
        bpf_program__set_ifindex(it, ifindex);
        bpf_program__set_flags(it, FOR_ONE_DEVICE);
    }
    const int fault = bpf_object__load(attached->object);
    if (fault)
        return fault;
    *fd = bpf_program__fd(it);
    return *fd < 0 ? *fd : 0;
}

// A program that asks the driver cannot run behind it.
static int attach(struct attached *attached, unsigned ifindex, const struct xdp_program *program,
                  int fd)
{
    const struct bpf_link_create_opts native = {.sz = sizeof native, .flags = XDP_FLAGS_DRV_MODE};
    const struct bpf_link_create_opts generic = {.sz = sizeof generic, .flags = XDP_FLAGS_SKB_MODE};
    int link = bpf_link_create(fd, (int)ifindex, BPF_XDP, &native);
    if (link == -EOPNOTSUPP && !program->for_device) {
        link = bpf_link_create(fd, (int)ifindex, BPF_XDP, &generic);
        attached->generic = true;
    }
    if (link < 0)
        return link;
    attached->link = link;
    return 0;
}

static int open_one(struct attached *attached, unsigned ifindex, const struct xdp_program *program)
{
    int fd = -1;
    *attached = (struct attached){.link = -1, .program = program};
    foreign_log_hold();
    int fault = load(attached, ifindex, program, &fd);
    if (!fault)
        fault = attach(attached, ifindex, program, fd);
    struct bpf_prog_info info = {0};
    uint32_t len = sizeof info;
    if (!fault && bpf_obj_get_info_by_fd(fd, &info, &len) != 0)
        fault = -errno;
    attached->id = info.id;
    if (fault)
        attached_close(attached);
    return fault;
}

int attached_open(struct attached *attached, unsigned ifindex, const struct xdp_program *programs,
                  unsigned n)
{
    int fault = -EINVAL;
    for (unsigned i = 0; i < n && fault; i++)
        fault = open_one(attached, ifindex, &programs[i]);
    return fault;
}

int attached_map(const struct attached *attached, const char *name)
{
    const struct bpf_map *map = bpf_object__find_map_by_name(attached->object, name);
    return map ? bpf_map__fd(map) : -ENOENT;
}

bool attached_still(const struct attached *attached)
{
    struct bpf_link_info info = {0};
    uint32_t len = sizeof info;
    return bpf_obj_get_info_by_fd(attached->link, &info, &len) == 0 && info.xdp.ifindex != 0;
}

void attached_close(struct attached *attached)
{
    if (!attached->object)
        return;
    if (attached->link >= 0)
        close(attached->link);
    bpf_object__close(attached->object);
    *attached = (struct attached){0};
}
