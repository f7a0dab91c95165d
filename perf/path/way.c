#include "perf/path/way.h"

#include "perf/path/neighbour.h"
#include "perf/path/route.h"

#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    PORT_USUAL = 49152, // RFC 6335: the first dynamic port
    RESOLVE_TRIES = 3,
    RESOLVE_WAIT_MS = 500,
};

int way_fail(char why[WHY_LEN], int fault, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(why, WHY_LEN, format, list);
    va_end(list);
    return fault;
}

static const char *family_name(int family)
{
    return family == AF_INET ? "IPv4" : "IPv6";
}

// The first port, if the plan gives none: the usual one, or a lower one if the ports would exceed
// 65535.
static uint16_t first_port_of(const struct path_plan *plan)
{
    if (plan->first_port != 0)
        return plan->first_port;
    uint32_t first = 65536u - plan->n_ports;
    return (uint16_t)(first < PORT_USUAL ? first : PORT_USUAL);
}

static int take_prefix(const struct path_plan *plan, const struct path_prefix *prefix,
                       uint32_t n_addresses, uint32_t most, const char *option,
                       const struct way *way, struct endpoints *endpoints, char why[WHY_LEN])
{
    char text[ADDRESS_TEXT_LEN];
    if (prefix->family != way->server.family)
        return way_fail(why, -EAFNOSUPPORT, "the server %s has an %s address; give one to %s",
                        address_text(&way->server, text), family_name(way->server.family), option);
    if (!endpoints_make(prefix, n_addresses, first_port_of(plan), plan->n_ports, most, endpoints))
        return way_fail(why, -ERANGE,
                        "%s has too few addresses, or there are more than %u pairs of address and "
                        "port; give a shorter prefix, or fewer addresses or ports",
                        option, most);
    if (endpoints_have(endpoints, &way->server) || endpoints_have(endpoints, &way->next))
        return way_fail(
            why, -EADDRINUSE,
            "the addresses of %s include %s, which is the server's or its router's; give another "
            "prefix, or fewer addresses",
            option,
            address_text(endpoints_have(endpoints, &way->server) ? &way->server : &way->next,
                         text));
    return 0;
}

static int take_addresses(const struct path_plan *plan, const struct address *own, struct way *way,
                          char why[WHY_LEN])
{
    struct path_prefix one = {.family = own->family, .len = own->family == AF_INET ? 32 : 128};
    bool given = plan->source.family != 0;
    if (!given && own->family == 0)
        return way_fail(why, -EADDRNOTAVAIL,
                        "%s: the source address of requests is not known; give --source",
                        plan->device);
    if (!given)
        address_put(own, one.octets);
    int fault = take_prefix(plan, given ? &plan->source : &one, given ? plan->n_addresses : 1,
                            PATH_ENDPOINTS_MAX, "--source", way, &way->ours, why);
    if (!fault && plan->spoofed.family != 0)
        fault = take_prefix(plan, &plan->spoofed, 0, PATH_SPOOFED - 1, "--spoof", way,
                            &way->spoofed, why);
    if (fault)
        return fault;
    struct address first = {way->ours.family, way->ours.high, way->ours.first};
    way->answers =
        way->ifindex == 0 || plan->n_tags > 0 || way->ours.n_addresses > 1 || !route_is_own(&first);
    return 0;
}

// Reads the kernel's route. Sets next and the kernel's source address.
static int find_route(const struct path_plan *plan, struct way *way, struct address *source,
                      char why[WHY_LEN])
{
    char text[ADDRESS_TEXT_LEN];
    struct route route;
    address_text(&way->server, text);
    if (plan->n_tags > 0)
        return 0; // the kernel's routes are those of the untagged network
    int fault = route_find(&way->server, way->ifindex, &route);
    if (fault)
        return way_fail(why, fault, "there is no route to %s over %s; 'ip route' lists the routes",
                        text, plan->device);
    if (route.here)
        return way_fail(
            why, -EINVAL,
            "%s is this machine's own address, so no interface leads to it; leave out --port",
            text);
    way->next = route.next;
    *source = route.source;
    return 0;
}

static int find_mac(const struct path_plan *plan, struct way *way, char why[WHY_LEN])
{
    char text[ADDRESS_TEXT_LEN];
    int fault = route_neighbour(&way->next, way->ifindex, way->next_mac);
    way->knows_mac = fault == 0;
    if (fault == -EHOSTUNREACH)
        return way_fail(why, fault,
                        "%s does not answer %s on %s; give its MAC address with "
                        "--server-mac",
                        address_text(&way->next, text), way->next.family == AF_INET ? "ARP" : "ND",
                        plan->device);
    if (fault)
        return way_fail(
            why, fault,
            "%s: the kernel cannot resolve %s: %s; give its MAC address with --server-mac",
            plan->device, address_text(&way->next, text), strerror(-fault));
    return 0;
}

int way_find(const struct path_plan *plan, struct way *way, char why[WHY_LEN])
{
    struct address own = {0};
    *way = (struct way){0};
    way->server = address_of_sockaddr(&plan->server, &way->server_port);
    way->next = way->server;
    if (strncmp(plan->device, "net_", 4) != 0) {
        way->ifindex = if_nametoindex(plan->device);
        if (way->ifindex == 0)
            return way_fail(
                why, -ENODEV,
                "%s: there is no such network interface; 'ip link' lists the interfaces",
                plan->device);
        int fault = find_route(plan, way, &own, why);
        if (fault)
            return fault;
    }
    int fault = take_addresses(plan, &own, way, why);
    if (fault)
        return fault;
    way->knows_mac = plan->has_mac;
    memcpy(way->next_mac, plan->mac, 6);
    if (!way->knows_mac && way->ifindex != 0 && plan->n_tags == 0)
        return find_mac(plan, way, why);
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

// Waits for the answer to the query; ignores all other frames.
static bool receive_answer(const struct neighbour_query *query, struct frames_queue *queue,
                           uint8_t mac[6])
{
    struct frames in;
    bool told = false;
    for (int64_t end = now_ms() + RESOLVE_WAIT_MS; !told && now_ms() < end;) {
        unsigned n = frames_receive(queue, &in);
        for (unsigned i = 0; i < n && !told; i++)
            told = neighbour_answered(query, in.frame[i], in.len[i], mac);
        frames_release(queue, n);
    }
    return told;
}

int way_resolve(const struct path_plan *plan, struct frames_queue *queue, const uint8_t mac[6],
                struct way *way, char why[WHY_LEN])
{
    struct neighbour_query query = {
        .target = way->next,
        .source = {way->ours.family, way->ours.high, way->ours.first},
        .n_tags = plan->n_tags,
    };
    memcpy(query.mac, mac, 6);
    memcpy(query.tag, plan->tag, sizeof query.tag);
    uint8_t frame[NEIGHBOUR_FRAME_MAX];
    uint32_t len = neighbour_query_write(&query, frame);
    for (int i = 0; i < RESOLVE_TRIES && !way->knows_mac; i++) {
        frames_send_copy(queue, frame, (uint16_t)len);
        way->knows_mac = receive_answer(&query, queue, way->next_mac);
    }
    char text[ADDRESS_TEXT_LEN];
    if (!way->knows_mac)
        return way_fail(why, -EHOSTUNREACH,
                        "%s does not answer %s; give its MAC address with --server-mac",
                        address_text(&way->next, text), way->next.family == AF_INET ? "ARP" : "ND");
    return 0;
}
