#include "dataplane/port/kernel_path.h"

#include "base/log.h"
#include "dataplane/port/socket/udp_queue.h"
#include "dataplane/port/xdp/addresses.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct kernel_path {
    uint32_t n;
    struct udp_queue *queue[GUARDS_MAX];
    struct port *port[GUARDS_MAX];
    struct address_set addresses;
};

// Adds the addresses of a port. False: there is no room for all.
static bool add_addresses(struct address_set *all, const struct config_port *port)
{
    struct address_set one;
    addresses_configured_set(port, &one);
    if (all->n_v4 + one.n_v4 > ADDRESS_SET_MAX || all->n_v6 + one.n_v6 > ADDRESS_SET_MAX)
        return false;
    memcpy(all->v4[all->n_v4], one.v4, one.n_v4 * sizeof one.v4[0]);
    memcpy(all->v6[all->n_v6], one.v6, one.n_v6 * sizeof one.v6[0]);
    all->n_v4 += one.n_v4;
    all->n_v6 += one.n_v6;
    return true;
}

// The addresses to be served, if every port names some; NULL if one does not: all are served.
static const struct address_set *find_addresses(const struct config *config,
                                                struct address_set *all)
{
    bool fit = true;
    for (uint32_t i = 0; i < config->dataplane.n_ports; i++) {
        if (config->dataplane.ports[i].n_addresses == 0)
            return NULL;
        fit &= add_addresses(all, &config->dataplane.ports[i]);
    }
    if (!fit)
        log_warning("the ports have more than %u addresses of a family: requests to some of them "
                    "that come by the kernel's path get no answer",
                    (unsigned)ADDRESS_SET_MAX);
    return all;
}

int kernel_path_open(const struct config *config, const int guard[GUARDS_MAX],
                     struct board_dataplane *board, struct kernel_path **out)
{
    struct kernel_path *path = calloc(1, sizeof *path);
    if (!path)
        return -ENOMEM;
    struct udp_queue_setup setup = {
        .addresses = find_addresses(config, &path->addresses),
        .offset = &board->wall_offset,
        .stale = &board->kernel_path_stale,
    };
    int fault = 0;
    for (int i = 0; i < GUARDS_MAX && !fault; i++) {
        setup.fd = guard[i];
        if (guard[i] < 0)
            continue;
        fault = udp_queue_open(&setup, &path->queue[path->n]);
        if (!fault) {
            path->port[path->n] = udp_queue_port(path->queue[path->n]);
            path->port[path->n]->smears = config_all_smear(config);
            path->n++;
        }
    }
    if (fault) {
        kernel_path_close(path);
        return fault;
    }
    *out = path;
    return 0;
}

uint32_t kernel_path_queues(const struct kernel_path *path, struct port *const **queues)
{
    *queues = path->port;
    return path->n;
}

void kernel_path_close(struct kernel_path *path)
{
    if (!path)
        return;
    for (uint32_t i = 0; i < path->n; i++)
        udp_queue_close(path->queue[i]);
    free(path);
}
