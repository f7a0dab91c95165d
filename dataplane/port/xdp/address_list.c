#include "dataplane/port/xdp/address_list.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

static_assert((int)STEER_ADDRESSES_MAX >= (int)ADDRESSES_MAX, "a port's addresses fit the maps");
static_assert((int)STEER_V4_MAX == 2 * (int)STEER_ADDRESSES_MAX, "v4 has room for both");

// The addresses of one family.
struct family {
    size_t len; // of an address
    uint8_t *at;
    uint8_t *kind;
    uint32_t *n;
    uint32_t *n_own;
};

static struct family v4_of(struct address_list *list)
{
    return (struct family){4, list->v4[0], list->v4_kind, &list->n_v4, &list->n_own_v4};
}

static struct family v6_of(struct address_list *list)
{
    return (struct family){16, list->v6[0], list->v6_kind, &list->n_v6, &list->n_own_v6};
}

// Where the address is among n of them; n: nowhere.
static uint32_t place_of(const uint8_t *at, uint32_t n, size_t len, const uint8_t *address)
{
    uint32_t i = 0;
    while (i < n && memcmp(at + i * len, address, len) != 0)
        i++;
    return i;
}

static void copy(const struct family *f, uint32_t to, uint32_t from)
{
    memcpy(f->at + to * f->len, f->at + from * f->len, f->len);
    f->kind[to] = f->kind[from];
}

static void put(const struct family *f, uint32_t at, const uint8_t *address, uint8_t kind)
{
    memcpy(f->at + at * f->len, address, f->len);
    f->kind[at] = kind;
}

// False when one was left out: this one, or another interface's that stood in its place.
static bool add(const struct family *f, const uint8_t *address, enum steer_address kind, bool own)
{
    const uint32_t at = place_of(f->at, *f->n, f->len, address);
    const bool room = at < STEER_ADDRESSES_MAX;
    if (at < *f->n && f->kind[at] < kind)
        kind = f->kind[at];
    if (own && at >= *f->n_own) {
        if (*f->n_own == STEER_ADDRESSES_MAX)
            return false;
        if (room && at != *f->n_own)
            copy(f, at, *f->n_own); // the first of the others gives up its place
        put(f, (*f->n_own)++, address, (uint8_t)kind);
    } else if (room) {
        put(f, at, address, (uint8_t)kind);
    }
    if (room && at == *f->n)
        ++*f->n;
    return room;
}

// Of the addresses that the configuration does not name only so much is known: no frame is from
// there.
static void add_counted(struct address_list *list, const struct family *f, const uint8_t *address,
                        enum steer_address kind, bool own)
{
    if (!list->configured) {
        list->left_out += !add(f, address, kind, own);
        return;
    }
    const bool named = place_of(f->at, *f->n_own, f->len, address) < *f->n_own;
    add(f, address, named ? kind : STEER_NOT_SERVED, false);
}

void address_list_begin(struct address_list *list, const struct config_port *port)
{
    list->configured = port->n_addresses > 0;
    list->n_v4 = list->n_v6 = list->n_own_v4 = list->n_own_v6 = 0;
    list->n_broadcast = list->left_out = 0;
    const struct family v4 = v4_of(list);
    const struct family v6 = v6_of(list);
    for (uint32_t i = 0; i < port->n_addresses; i++) {
        const struct config_address *address = &port->addresses[i];
        add(address->family == AF_INET ? &v4 : &v6, address->octets, STEER_NOT_SERVED, true);
    }
}

void address_list_add_v4(struct address_list *list, const uint8_t address[4],
                         enum steer_address kind, bool own)
{
    const struct family v4 = v4_of(list);
    if (address[0] != 127)
        add_counted(list, &v4, address, kind, own);
}

void address_list_add_v6(struct address_list *list, const uint8_t address[16],
                         enum steer_address kind, bool own)
{
    const struct family v6 = v6_of(list);
    struct in6_addr in6;
    memcpy(&in6, address, sizeof in6);
    if (!IN6_IS_ADDR_LOOPBACK(&in6) && !IN6_IS_ADDR_MULTICAST(&in6) &&
        !IN6_IS_ADDR_UNSPECIFIED(&in6))
        add_counted(list, &v6, address, kind, own);
}

void address_list_add_broadcast(struct address_list *list, const uint8_t address[4])
{
    if (address[0] == 127 ||
        place_of(list->broadcast[0], list->n_broadcast, 4, address) < list->n_broadcast)
        return;
    if (list->n_broadcast == STEER_ADDRESSES_MAX)
        list->left_out++;
    else
        memcpy(list->broadcast[list->n_broadcast++], address, 4);
}

// An address that the configuration names and the kernel does not have: the kernel says nothing
// against it (a load balancer in front, for example).
static void serve_named(const struct family *f)
{
    for (uint32_t i = 0; i < *f->n_own; i++) {
        if (f->kind[i] == STEER_NOT_SERVED)
            f->kind[i] = STEER_OURS;
    }
}

void address_list_end(struct address_list *list)
{
    const struct family v4 = v4_of(list);
    const struct family v6 = v6_of(list);
    if (list->configured) {
        serve_named(&v4);
        serve_named(&v6);
    }
    uint32_t end = list->n_v4;
    for (uint32_t i = 0; i < list->n_broadcast; i++) {
        if (place_of(list->v4[0], list->n_v4, 4, list->broadcast[i]) == list->n_v4)
            put(&v4, end++, list->broadcast[i], STEER_NOT_SERVED);
    }
    list->n_broadcast = end - list->n_v4;
}

static uint32_t served(const uint8_t *kind, uint32_t n)
{
    uint32_t some = 0;
    for (uint32_t i = 0; i < n; i++)
        some += kind[i] != STEER_NOT_SERVED;
    return some;
}

uint32_t address_list_served_v4(const struct address_list *list)
{
    return served(list->v4_kind, list->n_v4);
}

uint32_t address_list_served_v6(const struct address_list *list)
{
    return served(list->v6_kind, list->n_v6);
}
