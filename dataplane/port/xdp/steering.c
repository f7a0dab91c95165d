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

const struct xdp_program steering_programs[STEERING_PROGRAMS] = {
    {
        .name = STEER_PROGRAM_NAME,
        .object = steer_stamps_tags_object,
        .len = &steer_stamps_tags_object_len,
        .stamps = true,
        .own = true,
        .for_device = true,
    },
    {
        .name = STEER_PROGRAM_NAME,
        .object = steer_stamps_object,
        .len = &steer_stamps_object_len,
        .stamps = true,
        .own = true,
        .for_device = true,
    },
    {
        .name = STEER_PROGRAM_NAME,
        .object = steer_object,
        .len = &steer_object_len,
        .stamps = true,
    },
};

int steering_find(const struct attached *attached, struct steering *steering)
{
    const struct steering found = {
        .port = attached_map(attached, STEER_PORT_NAME),
        .v4 = attached_map(attached, STEER_V4_NAME),
        .v6 = attached_map(attached, STEER_V6_NAME),
    };
    if (found.port < 0 || found.v4 < 0 || found.v6 < 0)
        return -ENOENT;
    *steering = found;
    return 0;
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

int steering_set(const struct steering *steering, struct udp_ports ports, const uint8_t mac[6],
                 const struct address_list *list, uint32_t *left_out)
{
    const uint32_t zero = 0;
    struct steer_port port = {.udp = htons(ports.ntp), .nts = htons(ports.nts)};
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
