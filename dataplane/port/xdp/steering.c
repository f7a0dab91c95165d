#include "dataplane/port/xdp/steering.h"

#include "dataplane/port/xdp/steer_object.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

struct xdp_program steering_program(void)
{
    return (struct xdp_program){
        .name = STEER_PROGRAM_NAME,
        .object = steer_object,
        .len = steer_object_len,
        .stamps = true,
    };
}

int steering_find(unsigned ifindex, struct steering *steering)
{
    static const char *const name[] = {STEER_PORT_NAME, STEER_V4_NAME, STEER_V6_NAME};
    int map[3];
    int fault = xdp_maps_find(ifindex, name, 3, map);
    if (!fault)
        *steering = (struct steering){.port = map[0], .v4 = map[1], .v6 = map[2]};
    return fault;
}

static bool holds(const void *keys, uint32_t n, size_t len, const void *key)
{
    for (uint32_t i = 0; i < n; i++) {
        if (memcmp((const uint8_t *)keys + i * len, key, len) == 0)
            return true;
    }
    return false;
}

// Makes the n keys of len octets the only keys of a hash map.
static int set_keys(int map, const void *keys, uint32_t n, size_t len)
{
    const uint8_t present = 1;
    for (uint32_t i = 0; i < n; i++) {
        if (bpf_map_update_elem(map, (const uint8_t *)keys + i * len, &present, BPF_ANY) != 0)
            return -errno;
    }
    // A deleted key would restart the walk at the beginning, so each key is deleted after the walk
    // has passed it.
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

int steering_set(const struct steering *steering, uint16_t udp_port,
                 const struct address_list *list)
{
    const uint32_t zero = 0;
    const uint16_t port = htons(udp_port);
    if (bpf_map_update_elem(steering->port, &zero, &port, BPF_ANY) != 0)
        return -errno;
    int fault = set_keys(steering->v4, list->v4, list->n_v4, sizeof list->v4[0]);
    if (fault)
        return fault;
    return set_keys(steering->v6, list->v6, list->n_v6, sizeof list->v6[0]);
}
