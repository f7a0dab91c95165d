// First all sockets that are there already are taken: the service manager must have forgotten those
// that do not fit before others can have their addresses.
#include "supervisor/open_sockets.h"

#include "base/log.h"
#include "base/now.h"
#include "supervisor/addresses.h"
#include "supervisor/given_sockets.h"
#include "supervisor/guard_socket.h"
#include "supervisor/kept_offset.h"
#include "supervisor/kept_sockets.h"
#include "supervisor/program.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

enum { ADDRESS_WAIT_MS = 3000 }; // the children of a killed supervisor; boot

static const int families[2] = {AF_INET, AF_INET6};

// The UDP ports, config_udp_ports() of them, and the settings that name them.
static uint16_t udp_port(const struct config *c, uint32_t i)
{
    return i == 0 ? c->dataplane.udp_port : c->dataplane.nts_port;
}

static const char *const udp_keys[2] = {"dataplane.udp_port", "dataplane.nts_port"};

static void say_chronyd(const struct config *config, int error)
{
    if (error == -EADDRINUSE && config->time.source == TIME_CHRONYD)
        log_error("if it is the chronyd of time.source: put `port 0` into chrony.conf and restart "
                  "chronyd; it keeps the clock all the same");
}

static bool answers(const struct config *c)
{
    return c->dataplane.kernel_path == SWITCH_TRUE;
}

static void take_guards(struct descriptors *h, struct kept_sockets *kept)
{
    for (uint32_t i = 0; i < 2 * config_udp_ports(h->config); i++) {
        struct sockaddr_storage any = {.ss_family = (sa_family_t)families[i % 2]};
        // At the same place in both families.
        ((struct sockaddr_in *)&any)->sin_port = htons(udp_port(h->config, i / 2));
        h->guard[i] = kept_sockets_udp(kept, &any, answers(h->config), false);
    }
}

static int open_guards(struct descriptors *h, uint64_t deadline)
{
    const struct config *c = h->config;

    for (uint32_t i = 0; i < 2 * config_udp_ports(c); i++) {
        if (h->guard[i] >= 0)
            continue;
        h->guard[i] = guard_socket_open(families[i % 2], udp_port(c, i / 2), udp_keys[i / 2],
                                        answers(c), deadline);
        say_chronyd(c, h->guard[i]);
        if (h->guard[i] < 0 && h->guard[i] != -EAFNOSUPPORT)
            return h->guard[i];
    }
    return 0;
}

static uint32_t sockets_at(const struct config *c, const struct config_port *port)
{
    return port->kind == PORT_SOCKET ? config_sockets_each(c) : 0;
}

// Opens those of a port at one UDP port, n in number, that are not there yet.
static int open_port_sockets_at(const struct config *c, const struct config_port *port,
                                uint16_t udp, int *fd, uint32_t n, uint64_t deadline)
{
    for (uint32_t i = 0; i < n; i++) {
        if (fd[i] >= 0)
            continue;
        fd[i] = port_socket_open(port, udp, i == 0, deadline);
        say_chronyd(c, fd[i]);
        if (fd[i] < 0)
            return fd[i];
    }
    return 0;
}

// Ports that are sockets hold the NTP ports themselves, at the addresses that the operator wants.
static int open_port_sockets(struct descriptors *h, uint64_t deadline)
{
    const struct config *c = h->config;
    int *fd = h->socket;
    int error = 0;

    for (uint32_t i = 0; i < c->dataplane.n_ports; i++) {
        const struct config_port *port = &c->dataplane.ports[i];
        const uint32_t n = sockets_at(c, port);
        for (uint32_t u = 0; u < config_udp_ports(c) && error == 0; u++, fd += n)
            error = open_port_sockets_at(c, port, udp_port(c, u), fd, n, deadline);
    }
    return error;
}

// As many as there are, from the first place of the port on.
static void take_port_sockets(struct descriptors *h, struct kept_sockets *kept)
{
    const struct config *c = h->config;
    int *fd = h->socket;

    for (uint32_t i = 0; i < c->dataplane.n_ports; i++) {
        const struct config_port *port = &c->dataplane.ports[i];
        for (uint32_t u = 0; u < config_udp_ports(c); u++) {
            struct sockaddr_storage at = port->endpoint;
            ((struct sockaddr_in *)&at)->sin_port = htons(udp_port(c, u));
            for (uint32_t j = 0; j < sockets_at(c, port); j++)
                *fd++ = kept_sockets_udp(kept, &at, true, true);
        }
    }
}

static void take_listeners(struct descriptors *h, struct given_sockets *given,
                           struct kept_sockets *kept)
{
    const struct config *c = h->config;

    for (uint32_t i = 0; i < c->control.n_listen; i++) {
        h->listener[i] = given_sockets_claim(given, &c->control.listen[i]);
        h->given[i] = h->listener[i] >= 0;
        if (!h->given[i])
            h->listener[i] = kept_sockets_listener(kept, KEPT_KE, &c->control.listen[i]);
    }
    if (c->metrics.listen.len != 0)
        h->metrics_listener = kept_sockets_listener(kept, KEPT_METRICS, &c->metrics.listen);
}

// What is not wanted is closed here before anything is opened. A given socket that the
// configuration does not name is an error: a wrong port would be taken for one that another program
// has.
static int take_sockets(struct descriptors *h, const struct notify *notify)
{
    const struct config *c = h->config;
    struct given_sockets given;
    struct kept_sockets kept;
    int error = given_sockets_take(&given, &kept);

    if (error == 0) {
        take_listeners(h, &given, &kept);
        if (c->role != SERVE_KE && config_socket_ports(c) > 0)
            take_port_sockets(h, &kept);
        else if (c->role != SERVE_KE)
            take_guards(h, &kept);
    }
    h->kept_offset = kept_sockets_clock(&kept);
    if (given_sockets_end(&given) != 0)
        error = -EINVAL;
    if (kept_sockets_end(&kept) && error == 0)
        (void)kept_sockets_tell(h, notify); // it is told all again once the server serves
    return error;
}

static int open_listeners(struct descriptors *h, uint64_t deadline)
{
    const struct config *c = h->config;

    for (uint32_t i = 0; i < c->control.n_listen; i++) {
        if (h->listener[i] < 0)
            h->listener[i] = listener_open(&c->control.listen[i], deadline);
        if (h->listener[i] < 0)
            return h->listener[i];
    }
    return 0;
}

// One that is not wanted too, for a reload that wants it; then it need not be there.
static int open_program(int (*open_it)(void), bool wanted)
{
    char unwanted[512];
    if (wanted)
        return open_it();
    log_divert(unwanted, sizeof unwanted);
    const int fd = open_it();
    log_divert(NULL, 0);
    return fd;
}

static int open_metrics(struct descriptors *h, uint64_t deadline)
{
    const struct config *c = h->config;

    h->metrics_program = open_program(program_open_metrics, c->metrics.listen.len != 0);
    if (c->metrics.listen.len == 0)
        return 0;
    if (h->metrics_program < 0)
        return h->metrics_program;
    if (h->metrics_listener < 0)
        h->metrics_listener = listener_open(&c->metrics.listen, deadline);
    return h->metrics_listener < 0 ? h->metrics_listener : 0;
}

static int open_etcd(struct descriptors *h)
{
    const bool wanted = h->config->keys.etcd.n_endpoints > 0;

    h->etcd_program = open_program(program_open_etcd, wanted);
    return wanted && h->etcd_program < 0 ? h->etcd_program : 0;
}

int open_sockets(struct descriptors *h, const struct notify *notify)
{
    const struct config *c = h->config;
    const uint64_t deadline = now_ms() + ADDRESS_WAIT_MS;

    if (addresses_leave_out(h->config) > 0)
        log_info("this kernel has no IPv6, or no IPv4: NTS-KE listens on the other alone");

    int error = take_sockets(h, notify);
    if (h->kept_offset < 0 && notify->len > 0)
        h->kept_offset = kept_offset_make(); // without it less is known at the next start
    if (error == 0 && c->role != SERVE_KE)
        error =
            config_socket_ports(c) > 0 ? open_port_sockets(h, deadline) : open_guards(h, deadline);
    if (error == 0)
        error = open_listeners(h, deadline);
    if (error == 0)
        error = open_metrics(h, deadline);
    if (error == 0)
        error = open_etcd(h);
    return error != 0 ? error
                      : control_socket_open(&h->control_socket, c->control.socket,
                                            h->control_user.uid, deadline);
}
