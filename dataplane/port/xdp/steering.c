#include "dataplane/port/xdp/steering.h"

#include "dataplane/port/xdp/steer_object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

struct xdp_program steering_program(void)
{
    return (struct xdp_program){
        .name = STEER_PROGRAM_NAME,
        .object = steer_object,
        .len = steer_object_len,
        .stamps = true,
    };
}

// The kernel's BPF_F_XDP_DEV_BOUND_ONLY, which Debian 12's headers do not have.
enum { FOR_ONE_DEVICE = 1 << 6 };

static int say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
    (void)level;
    (void)format;
    (void)args;
    return 0;
}

// Loads the object's program for the interface, over the maps of the attached one, and attaches it.
// Returns its descriptor or -errno.
static int load_for(unsigned ifindex, struct bpf_object *object)
{
    static const char *const name[] = {STEER_SOCKETS_NAME, STEER_PORT_NAME, STEER_V4_NAME,
                                       STEER_V6_NAME};
    int map[4];
    int fault = xdp_maps_find(ifindex, name, 4, map);
    for (unsigned i = 0; i < 4 && !fault; i++)
        fault = bpf_map__reuse_fd(bpf_object__find_map_by_name(object, name[i]), map[i]);
    if (fault)
        return fault;
    struct bpf_program *program = bpf_object__find_program_by_name(object, STEER_PROGRAM_NAME);
    bpf_program__set_ifindex(program, ifindex);
    fault = bpf_program__set_flags(program, FOR_ONE_DEVICE);
    if (!fault)
        fault = bpf_object__load(object);
    if (!fault)
        fault = xdp_replace(ifindex, bpf_program__fd(program));
    return fault ? fault : fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 0);
}

// The descriptor of the program that reads tags, attached; or -1, and then all is as it was. An
// older kernel refuses it, and so does a driver in generic mode.
static int read_tags(unsigned ifindex)
{
    libbpf_print_fn_t before = libbpf_set_print(say_nothing);
    struct bpf_object *object =
        bpf_object__open_mem(steer_tags_object, steer_tags_object_len, NULL);
    int fd = object ? load_for(ifindex, object) : -1;
    bpf_object__close(object);
    libbpf_set_print(before);
    return fd < 0 ? -1 : fd;
}

int steering_find(unsigned ifindex, struct steering *steering)
{
    static const char *const name[] = {STEER_PORT_NAME, STEER_V4_NAME, STEER_V6_NAME};
    int map[3];
    int fault = xdp_maps_find(ifindex, name, 3, map);
    if (!fault)
        *steering = (struct steering){
            .port = map[0], .v4 = map[1], .v6 = map[2], .with_tags = read_tags(ifindex)};
    return fault;
}

void steering_close(struct steering *steering)
{
    if (steering->with_tags > 0)
        close(steering->with_tags);
    *steering = (struct steering){0};
}

static bool holds(const void *keys, uint32_t n, size_t len, const void *key)
{
    for (uint32_t i = 0; i < n; i++) {
        if (memcmp((const uint8_t *)keys + i * len, key, len) == 0)
            return true;
    }
    return false;
}

// Deletes the keys that are not among those n. A deleted key would restart the walk at the
// beginning, so each is deleted once the walk has passed it.
static int delete_others(int map, const void *keys, uint32_t n, size_t len)
{
    uint8_t at[16];
    uint8_t next[16];
    bool more = bpf_map_get_next_key(map, NULL, at) == 0;
    while (more) {
        more = bpf_map_get_next_key(map, at, next) == 0;
        if (!holds(keys, n, len, at) && bpf_map_delete_elem(map, at) != 0 && errno != ENOENT)
            return -errno;
        memcpy(at, next, len);
    }
    return 0;
}

// Makes the keys of a hash map those n of len octets, each with its value. Deletes first: a full
// map would have no room.
static int set_keys(int map, const void *keys, const uint8_t *values, uint32_t n, size_t len,
                    uint32_t *left_out)
{
    const int fault = delete_others(map, keys, n, len);
    if (fault)
        return fault;
    for (uint32_t i = 0; i < n; i++) {
        if (bpf_map_update_elem(map, (const uint8_t *)keys + i * len, &values[i], BPF_ANY) == 0)
            continue;
        if (errno != E2BIG)
            return -errno;
        ++*left_out;
    }
    return 0;
}

int steering_set(const struct steering *steering, uint16_t udp_port, const uint8_t mac[6],
                 const struct address_list *list, uint32_t *left_out)
{
    const uint32_t zero = 0;
    struct steer_port port = {.udp = htons(udp_port)};
    memcpy(port.mac, mac, sizeof port.mac);
    if (bpf_map_update_elem(steering->port, &zero, &port, BPF_ANY) != 0)
        return -errno;
    *left_out = list->left_out;
    int fault = set_keys(steering->v4, list->v4, list->v4_kind, list->n_v4 + list->n_broadcast,
                         sizeof list->v4[0], left_out);
    if (fault)
        return fault;
    return set_keys(steering->v6, list->v6, list->v6_kind, list->n_v6, sizeof list->v6[0],
                    left_out);
}
