// Lists the addresses at which a port is served, for status.
#include "dataplane/port/opened.h"

#include <string.h>

static void add_v6(struct board_addresses *all, const uint8_t address[16])
{
    if (all->n < BOARD_ADDRESSES)
        memcpy(all->address[all->n], address, 16);
    all->n++;
}

static void add_v4(struct board_addresses *all, const uint8_t address[4])
{
    uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};
    memcpy(mapped + 12, address, 4);
    add_v6(all, mapped);
}

void opened_note_addresses(struct opened *opened, const struct address_list *list)
{
    struct board_addresses all = {0};
    for (uint32_t i = 0; i < list->n_v4; i++)
        if (list->v4_kind[i] != STEER_NOT_SERVED)
            add_v4(&all, list->v4[i]);
    for (uint32_t i = 0; i < list->n_v6; i++)
        if (list->v6_kind[i] != STEER_NOT_SERVED)
            add_v6(&all, list->v6[i]);
    opened->served = all;
}

// A socket's is the one that it is bound to: 0.0.0.0 or :: for all of the host.
static void add_endpoint(struct board_addresses *all, const struct config_port *port)
{
    uint8_t address[16];
    socket_port_address(&port->endpoint, address);
    add_v6(all, address);
}

static void add_set(struct board_addresses *all, const struct address_set *set)
{
    for (uint32_t i = 0; i < set->n_v4; i++)
        add_v4(all, set->v4[i]);
    for (uint32_t i = 0; i < set->n_v6; i++)
        add_v6(all, set->v6[i]);
}

void opened_show_addresses(const struct opened *opened, struct board_port *port)
{
    struct board_addresses all = {0}, shown;
    uint64_t seen;
    if (opened_is_interface(opened) && opened->state == BOARD_PORT_OPEN)
        all = opened->served;
    else if (opened_is_interface(opened))
        all.n = 0; // left out
    else if (opened_is_socket(opened))
        add_endpoint(&all, opened->config);
    else
        add_set(&all, &opened->addresses);
    if (!snapshot_read(&port->addresses, &shown, sizeof shown, &seen) ||
        memcmp(&shown, &all, sizeof all) != 0)
        snapshot_publish(&port->addresses, &all, sizeof all);
}
