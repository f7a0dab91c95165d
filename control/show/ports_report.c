// The ports' objects. Their names are stable and documented in noonmarkctl(1): extend, do not
// rename.
#include "control/show/ports_report.h"

#include "config/schema.h"
#include "control/show/report.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const char *state_word(const struct board_port *port)
{
    static const char *const name[BOARD_PORT_STATES] = {
        [BOARD_PORT_CLOSED] = "closed",
        [BOARD_PORT_OPEN] = "open",
        [BOARD_PORT_MISSING] = "missing",
        [BOARD_PORT_BLOCKED] = "blocked",
    };
    const uint32_t state = atomic_load_explicit(&port->state, memory_order_relaxed);
    return state < BOARD_PORT_STATES ? name[state] : "closed";
}

// By the name, which is the configuration's; as far as the board has room for it.
static json_t *kind_of(const struct board_port *port, const struct config *config)
{
    static const char *const word[] = {
        [PORT_INTERFACE] = "interface", [PORT_VDEV] = "vdev", [PORT_SOCKET] = "socket"};
    for (uint32_t i = 0; i < config->dataplane.n_ports; i++)
        if (strncmp(config->dataplane.ports[i].device, port->name, sizeof port->name - 1) == 0)
            return json_string(word[config->dataplane.ports[i].kind]);
    return json_null();
}

static json_t *departures(const struct board_port *port)
{
    if (atomic_load_explicit(&port->by_metadata, memory_order_relaxed) != 0)
        return json_string("device, by AF_XDP");
    return report_text(port->departures);
}

static const char *launch_word(const struct board_port *port)
{
    static const char *const word[BOARD_LAUNCHES] = {
        [BOARD_LAUNCH_NONE] = "no",
        [BOARD_LAUNCH_TRIED] = "being tried",
        [BOARD_LAUNCH_USED] = "used",
        [BOARD_LAUNCH_REFUSED] = "refused",
    };
    const uint32_t launch = atomic_load_explicit(&port->launch, memory_order_relaxed);
    return launch < BOARD_LAUNCHES ? word[launch] : word[BOARD_LAUNCH_NONE];
}

static json_t *address_text(const uint8_t octets[16])
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    memcpy(&address, octets, sizeof address);
    const bool v4 = IN6_IS_ADDR_V4MAPPED(&address);
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? octets + 12 : octets, text, sizeof text);
    return json_string(text);
}

static void set_addresses(json_t *object, const struct board_port *port)
{
    struct board_addresses all = {0};
    uint64_t seen;
    json_t *list = json_array();
    if (!snapshot_read(&port->addresses, &all, sizeof all, &seen))
        all.n = 0;
    for (uint64_t i = 0; i < all.n && i < BOARD_ADDRESSES; i++)
        json_array_append_new(list, address_text(all.address[i]));
    report_set_int(object, "addresses_served", all.n);
    json_object_set_new(object, "addresses", list);
}

static json_t *port_report(const struct board_port *port, const struct config *config)
{
    char mac[18];
    const uint8_t *m = port->mac;
    snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
    json_t *o = report_metrics(METRIC_PORT, port);
    json_object_set_new(o, "name", report_text(port->name));
    json_object_set_new(o, "kind", kind_of(port, config));
    json_object_set_new(o, "driver", report_text(port->driver));
    json_object_set_new(o, "mode", report_text(port->mode));
    json_object_set_new(o, "mac", json_string(mac));
    json_object_set_new(o, "stamps", report_text(port->stamps));
    json_object_set_new(o, "departures", departures(port));
    json_object_set_new(o, "launch_time", json_string(launch_word(port)));
    json_object_set_new(o, "state", json_string(state_word(port)));
    const uint32_t program = atomic_load_explicit(&port->program, memory_order_relaxed);
    json_object_set_new(o, "xdp_program", program ? json_integer(program) : json_null());
    set_addresses(o, port);
    return o;
}

json_t *ports_report(const struct status_sources *s)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < report_bounded(&s->dataplane->n_ports, PORTS_MAX); i++)
        json_array_append_new(list, port_report(&s->dataplane->port[i], s->config));
    return list;
}

static json_t *kernel_path(const struct status_sources *s)
{
    static struct core_counters counters; // main thread only; static for its size
    counters_read(&s->dataplane->kernel_path, &counters);
    json_t *o = json_object();
    json_object_set_new(o, "answers",
                        json_boolean(s->config->dataplane.kernel_path == SWITCH_TRUE));
    report_set_int(o, "requests", counters.frames_received);
    report_set_int(o, "stale",
                   atomic_load_explicit(&s->dataplane->kernel_path_stale, memory_order_relaxed));
    report_set_int(o, "discarded",
                   atomic_load_explicit(&s->dataplane->guard_discarded, memory_order_relaxed));
    return o;
}

json_t *ports_answer(const struct status_sources *s)
{
    json_t *o = json_object();
    const uint16_t nts = s->config->dataplane.nts_port;
    json_object_set_new(o, "role", json_string(schema_role_words[s->config->role]));
    json_object_set_new(o, "udp_port", json_integer(s->config->dataplane.udp_port));
    json_object_set_new(o, "nts_port", nts != 0 ? json_integer(nts) : json_null());
    json_object_set_new(o, "ports", ports_report(s));
    json_object_set_new(o, "kernel_path", kernel_path(s));
    return o;
}
