// Rules that involve several keys.
#include "config/check.h"

#include "config/host.h"
#include "config/value.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { NTP_PORT = 123, KE_PORT = 4460 };

__attribute__((format(printf, 4, 5))) static bool wrong(struct check_fault *fault, const char *path,
                                                        uint32_t index, const char *format, ...)
{
    va_list arguments;

    fault->path = path;
    fault->index = index;
    va_start(arguments, format);
    vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    return false;
}

static bool check_cores(const struct config *c, struct check_fault *fault)
{
    for (uint32_t i = 0; i < c->dataplane.n_cores; i++)
        for (uint32_t j = 0; j < i; j++)
            if (c->dataplane.cores[i] == c->dataplane.cores[j])
                return wrong(fault, "dataplane.cores", i,
                             "names CPU %u twice; one CPU runs one polling thread",
                             c->dataplane.cores[i]);
    return true;
}

// Is there a `socket-abstract` in a vdev's arguments, and is every one of them `no`? DPDK uses the
// last one.
static bool is_memif_on_a_path(const char *device)
{
    static const char key[] = ",socket-abstract=";
    bool on_a_path = false;
    for (const char *at = strstr(device, key); at != NULL; at = strstr(at, key)) {
        at += sizeof key - 1;
        on_a_path = strncmp(at, "no", 2) == 0 && strchr(",)", at[2]) != NULL;
        if (!on_a_path)
            return false;
    }
    return on_a_path;
}

static bool check_port(const struct config *c, uint32_t i, struct check_fault *fault)
{
    const struct config_port *port = &c->dataplane.ports[i];

    if (port->device == NULL)
        return wrong(fault, "dataplane.ports", i,
                     "has neither `interface`, `vdev` nor `socket`; add one");
    if (port->kind == PORT_VDEV && port->n_addresses == 0)
        return wrong(
            fault, "dataplane.ports", i,
            "is a vdev without `addresses`; the kernel has no addresses for it, so list them");
    // Anywhere in the text: a device such as net_failsafe has other devices in its arguments.
    if (port->kind == PORT_VDEV && strstr(port->device, "net_memif") != NULL &&
        !is_memif_on_a_path(port->device))
        return wrong(fault, "dataplane.ports", i,
                     "is a memif device whose socket is an abstract name, which any local user may "
                     "take; add `,socket-abstract=no` and name a `socket=` in a directory that "
                     "belongs to root");
    if (port->kind == PORT_VDEV && strstr(port->device, "net_memif") != NULL &&
        strstr(port->device, ",mac=") == NULL)
        return wrong(fault, "dataplane.ports", i,
                     "is a memif device without a MAC address: it would have another one at each "
                     "start, and frames to any other address are dropped; add "
                     "`,mac=02:00:00:00:00:01`, and send to that address");
    for (uint32_t j = 0; j < i; j++)
        if (strcmp(port->device, c->dataplane.ports[j].device) == 0)
            return wrong(fault, "dataplane.ports", i, "names \"%s\" twice; remove one",
                         port->device);
    for (uint32_t j = 0; j < port->n_addresses; j++)
        for (uint32_t k = 0; k < j; k++)
            if (memcmp(&port->addresses[j], &port->addresses[k], sizeof port->addresses[0]) == 0)
                return wrong(fault, "dataplane.ports", i,
                             "has the same address twice in `addresses`; remove one");
    return true;
}

// All addresses of a family, at a port.
static bool is_wildcard(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)address)->sin6_addr);
    return ((const struct sockaddr_in *)address)->sin_addr.s_addr == htonl(INADDR_ANY);
}

// The port is at the same place in both families.
static bool same_port(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    static_assert(offsetof(struct sockaddr_in, sin_port) ==
                      offsetof(struct sockaddr_in6, sin6_port),
                  "ports lie at one place");
    return a->ss_family == b->ss_family &&
           ((const struct sockaddr_in *)a)->sin_port == ((const struct sockaddr_in *)b)->sin_port;
}

bool config_overlap(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    return same_port(a, b) && (is_wildcard(a) || is_wildcard(b));
}

// The kernel's sockets answer at the one UDP port that the stages look for. Beside an interface the
// guard sockets hold that port, and what they get is answered too.
static bool check_sockets(struct config *c, struct check_fault *fault)
{
    for (uint32_t i = 0; i < c->dataplane.n_ports; i++) {
        struct config_port *port = &c->dataplane.ports[i];
        struct sockaddr_storage *a = &port->endpoint;
        if (port->kind == PORT_INTERFACE && config_socket_ports(c) > 0)
            return wrong(fault, "dataplane.ports", i,
                         "has an interface beside a `socket`; remove the socket: what the kernel "
                         "delivers is answered without it (dataplane.kernel_path)");
        if (port->kind != PORT_SOCKET)
            continue;
        if (!value_endpoint(port->device, a, &port->endpoint_len))
            return wrong(fault, "dataplane.ports", i,
                         "has the socket \"%s\"; write ADDRESS:PORT or [ADDRESS]:PORT",
                         port->device);
        if (port->n_addresses > 0)
            return wrong(fault, "dataplane.ports", i,
                         "is a socket with `addresses`; a socket has the one that it names");
        if (ntohs(((struct sockaddr_in *)a)->sin_port) != c->dataplane.udp_port)
            return wrong(fault, "dataplane.ports", i,
                         "has a socket at another port than dataplane.udp_port, which is %u",
                         c->dataplane.udp_port);
        for (uint32_t j = 0; j < i; j++) {
            const struct sockaddr_storage *b = &c->dataplane.ports[j].endpoint;
            if (memcmp(a, b, sizeof *a) == 0)
                return wrong(fault, "dataplane.ports", i, "names the socket %s twice; remove one",
                             port->device);
            if (config_overlap(a, b))
                return wrong(fault, "dataplane.ports", i,
                             "has %s and %s, which overlap: one of them stands for all addresses; "
                             "remove one",
                             c->dataplane.ports[j].device, port->device);
        }
    }
    return true;
}

bool config_smears(const struct config *config)
{
    bool any = false;
    for (uint32_t i = 0; i < config->dataplane.n_ports; i++)
        any |= config->dataplane.ports[i].leap == PORT_SMEARS;
    return any;
}

bool config_all_smear(const struct config *config)
{
    bool all = config->dataplane.n_ports > 0;
    for (uint32_t i = 0; i < config->dataplane.n_ports; i++)
        all &= config->dataplane.ports[i].leap == PORT_SMEARS;
    return all;
}

// The kernel delivers requests to the addresses of all ports, so its path has one kind of time.
static bool check_smear(const struct config *c, struct check_fault *fault)
{
    const bool mixed = config_smears(c) && !config_all_smear(c);
    const bool sockets_alone = config_socket_ports(c) == c->dataplane.n_ports;
    if (mixed && !sockets_alone && c->dataplane.kernel_path == SWITCH_TRUE)
        return wrong(fault, "dataplane.ports", 0,
                     "has ports with `leap: smear` and ports without; requests that the kernel "
                     "delivers come to both, so set dataplane.kernel_path: false, or give all "
                     "ports the same `leap`");
    return true;
}

// What it is for is a way round what happens to port 123.
static bool check_nts_port(const struct config *c, struct check_fault *fault)
{
    const uint16_t port = c->dataplane.nts_port;
    if (port != NTP_PORT && port != c->dataplane.udp_port)
        return true;
    return wrong(fault, "dataplane.nts_port", 0,
                 "is %u, the port of NTP with and without NTS; choose another one, such as 4123, "
                 "or leave it out: NTS is answered there too",
                 port);
}

static bool check_listen(const struct config *c, struct check_fault *fault)
{
    const struct config_listen *listen = c->control.listen;

    for (uint32_t i = 0; i < c->control.n_listen; i++) {
        const struct sockaddr_storage *a = &listen[i].address;
        if (a->ss_family == AF_INET6 &&
            IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *)a)->sin6_addr))
            return wrong(fault, "control.listen", i,
                         "is %s, an IPv4 address in IPv6's form; write it as ADDRESS:PORT",
                         listen[i].text);
        for (uint32_t j = 0; j < i; j++) {
            const struct sockaddr_storage *b = &listen[j].address;
            if (memcmp(a, b, sizeof *a) == 0)
                return wrong(fault, "control.listen", i, "names %s twice; remove one",
                             listen[i].text);
            if (config_overlap(a, b))
                return wrong(fault, "control.listen", i,
                             "has %s and %s, which overlap: one of them stands for all addresses; "
                             "remove one",
                             listen[j].text, listen[i].text);
        }
    }
    return true;
}

// NTS-KE and the metrics cannot have one address.
static bool check_metrics(const struct config *c, struct check_fault *fault)
{
    const struct config_listen *at = &c->metrics.listen;

    if (at->len == 0)
        return true;
    if (at->address.ss_family == AF_INET6 &&
        IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *)&at->address)->sin6_addr))
        return wrong(fault, "metrics.listen", 0,
                     "is %s, an IPv4 address in IPv6's form; write it as ADDRESS:PORT", at->text);
    for (uint32_t i = 0; i < c->control.n_listen; i++) {
        const struct config_listen *other = &c->control.listen[i];
        if (same_port(&at->address, &other->address) &&
            (is_wildcard(&at->address) || is_wildcard(&other->address) ||
             memcmp(&at->address, &other->address, sizeof at->address) == 0))
            return wrong(fault, "metrics.listen", 0,
                         "is %s, which control.listen has with %s; choose another port", at->text,
                         other->text);
    }
    return true;
}

// An IPv6 address and a port look like an address whose last group is the port.
static bool check_ntp_server(const struct config *c, struct check_fault *fault)
{
    const char *text = c->control.ntp_server;
    struct config_address address;
    unsigned port;

    if (c->role == SERVE_KE && text[0] == '\0')
        return wrong(fault, "control.ntp_server", 0,
                     "is empty, and with `role: ke` nothing answers NTP at this host's address; "
                     "name the host or the address of the NTP servers");
    if (host_address(text, &address) && host_has_port(text, &port) &&
        (port == NTP_PORT || port == KE_PORT || port == config_ntp_port(c)))
        return wrong(fault, "control.ntp_server", 0,
                     "is \"%s\", which ends as if a port followed the address; write the address "
                     "alone, or in full (eight groups) if it really ends so",
                     text);
    return true;
}

// RFC 5905, section 7.3: "For stratum 1 ... a four-octet, left-justified, zero-padded ASCII string"
// and "Above stratum 1 ... the identifier is the four-octet IPv4 address" of the upstream server.
static bool check_reference_id(struct config *c, struct check_fault *fault)
{
    const char *text = c->time.reference_id;
    struct in_addr address;
    const bool dotted = inet_pton(AF_INET, text, &address) == 1;

    if (c->time.stratum == 1 && dotted)
        return wrong(fault, "time.reference_id", 0,
                     "is an address, but stratum 1 has no upstream server; name the reference "
                     "clock in 1 to 4 ASCII characters, such as GPS or PPS");
    if (c->time.stratum > 1 && !dotted)
        return wrong(fault, "time.reference_id", 0,
                     "is \"%s\", but above stratum 1 it must be the upstream server's IPv4 address "
                     "(of an IPv6 address the first four octets of its MD5, in dotted form)",
                     text);
    if (dotted) {
        c->time.reference_id_word = ntohl(address.s_addr);
        return true;
    }
    c->time.reference_id_word = 0;
    const size_t len = strlen(text);
    for (size_t i = 0; i < 4; i++)
        c->time.reference_id_word =
            c->time.reference_id_word << 8 | (uint8_t)(i < len ? text[i] : 0);
    return true;
}

// The program that answers at this address decides how good the clock is said to be. On this host
// only root can open ports below 1024. Other hosts are not trusted.
static bool check_chronyd(const struct config *c, struct check_fault *fault)
{
    const struct config_listen *at = &c->time.chronyd;
    const bool v6 = at->address.ss_family == AF_INET6;
    const struct sockaddr_in *v4_address = (const struct sockaddr_in *)&at->address;
    const struct sockaddr_in6 *v6_address = (const struct sockaddr_in6 *)&at->address;

    if (v6 ? !IN6_IS_ADDR_LOOPBACK(&v6_address->sin6_addr)
           : (ntohl(v4_address->sin_addr.s_addr) >> 24) != IN_LOOPBACKNET)
        return wrong(fault, "time.chronyd", 0,
                     "is %s, which is not a loopback address: only this host's chronyd can say "
                     "what this host's clock is worth; write 127.0.0.1:323 or [::1]:323",
                     at->text);
    if (ntohs(v4_address->sin_port) >= IPPORT_RESERVED)
        return wrong(fault, "time.chronyd", 0,
                     "is %s, a port that any local user can take; give chronyd a `cmdport` below "
                     "%d",
                     at->text, IPPORT_RESERVED);
    return true;
}

bool check_rules(struct config *config, struct check_fault *fault)
{
    if (!check_cores(config, fault))
        return false;
    for (uint32_t i = 0; i < config->dataplane.n_ports; i++)
        if (!check_port(config, i, fault))
            return false;
    if (!check_sockets(config, fault) || !check_nts_port(config, fault) ||
        !check_smear(config, fault) || !check_listen(config, fault) ||
        !check_metrics(config, fault) || !check_ntp_server(config, fault) ||
        !check_etcd(config, fault))
        return false;
    const uint32_t most = config->control.max_connections;
    if (config->control.pool.tokens[0] != '\0' && config->control.pool.max_connections >= most)
        return wrong(fault, "control.pool.max_connections", 0,
                     "is %u, but control.max_connections is %u: pools could take all; choose less",
                     config->control.pool.max_connections, most);
    // Nobody is told the time: whatever this host's clock is worth, NTS-KE is served.
    if (config->role == SERVE_KE) {
        config->time.source = TIME_FIXED;
        return true;
    }
    // With the same user each process could read the other's memory and stop it.
    if (strcmp(config->dataplane.user, config->control.user) == 0)
        return wrong(fault, "control.user", 0,
                     "is also dataplane.user; the two processes are kept apart by their users, so "
                     "give each its own");
    if (!check_chronyd(config, fault))
        return false;
    return config->time.source == TIME_CHRONYD || check_reference_id(config, fault);
}
