// The filter is classic BPF, which needs no right. Its offset 0 is the UDP header.
#include "supervisor/guard_socket.h"

#include "base/log.h"
#include "base/now.h"

#include <linux/filter.h>
#include <netinet/in.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    RETRY_MS = 50,
    PORT_BUFFER_LEN = 4 << 20, // some thousand requests: a core that is held up loses none of them
    LOOPBACK_INDEX = 1,        // in every network namespace
    TO_THIS_HOST = 0,          // PACKET_HOST
    IPV6_SOURCE = 8,           // in the IPv6 header
    IPV6_DESTINATION = 24,
    UDP_LEN = 8,
    NTP_LEN = 48,
    VERSION_MODE = 077, // of an NTP packet's first octet
    VERSION_1 = 1 << 3, // with mode 0: version 1 has no mode field
    MODE = 7,
    MODE_CLIENT = 3,
};

#define LOAD(size, at) BPF_STMT(BPF_LD | (size) | BPF_ABS, (uint32_t)(at))
#define AND(mask) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask)
// Skips so many instructions when the comparison holds, or does not.
#define IF(how, value, holds, does_not) BPF_JUMP(BPF_JMP | (how) | BPF_K, value, holds, does_not)
#define RETURN(len) BPF_STMT(BPF_RET | BPF_K, len)

// Compares one word of both addresses; skips so many instructions when they differ.
#define SAME_WORD(word, differs)                                                                   \
    LOAD(BPF_W, SKF_NET_OFF + IPV6_SOURCE + 4 * (word)), BPF_STMT(BPF_MISC | BPF_TAX, 0),          \
        LOAD(BPF_W, SKF_NET_OFF + IPV6_DESTINATION + 4 * (word)),                                  \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, differs)

// The kernel takes no IPv4 packet from the wire whose source is this host's, but it does over IPv6.
enum { SPOOFED_LEN = 19 };

static const struct sock_filter filter[] = {
    // Over IPv6 alone: from the wire, and its source is the address that it is sent to.
    LOAD(BPF_W, SKF_AD_OFF + SKF_AD_IFINDEX),
    IF(BPF_JEQ, LOOPBACK_INDEX, 17, 0),
    SAME_WORD(0, 13),
    SAME_WORD(1, 9),
    SAME_WORD(2, 5),
    SAME_WORD(3, 1),
    RETURN(0),
    // What can be a request (wire/ntp.h), and came to this host's MAC address: RFC 1122, section
    // 3.3.6, of the others.
    BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
    IF(BPF_JGE, UDP_LEN + NTP_LEN, 0, 8),
    LOAD(BPF_W, SKF_AD_OFF + SKF_AD_PKTTYPE),
    IF(BPF_JEQ, TO_THIS_HOST, 0, 6),
    LOAD(BPF_B, UDP_LEN),
    AND(VERSION_MODE),
    IF(BPF_JEQ, VERSION_1, 2, 0),
    AND(MODE),
    IF(BPF_JEQ, MODE_CLIENT, 0, 1),
    RETURN(UINT32_MAX),
    RETURN(0),
};
enum { FILTER_LEN = sizeof filter / sizeof filter[0] };

// Writes the socket's filter; its length.
static unsigned short write_filter(struct sock_filter program[FILTER_LEN], int family,
                                   bool answered)
{
    program[0] = (struct sock_filter)RETURN(0);
    unsigned short len = 1;
    if (answered) {
        const unsigned from = family == AF_INET6 ? 0 : SPOOFED_LEN;
        len = (unsigned short)(FILTER_LEN - from);
        memcpy(program, filter + from, len * sizeof program[0]);
    }
    return len;
}

// No datagram may be queued that is not wanted, not even between bind and the filter.
static int attach_filter(int fd, int family, bool answered)
{
    struct sock_filter program[FILTER_LEN];
    const unsigned short len = write_filter(program, family, answered);
    const struct sock_fprog attached = {.len = len, .filter = program};
    const int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof attached) != 0)
        return -1;
    return setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on);
}

// Each datagram is told its stamp and its destination, also one that waits for a dataplane.
static int set_options(int fd, int family)
{
    const int on = 1;
    int failed = setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    if (family == AF_INET)
        return failed | setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    failed |= setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    return failed | setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
}

// True, after a pause, when another try makes sense.
static bool try_again(int error, uint64_t deadline_ms)
{
    if ((error != EADDRINUSE && error != EADDRNOTAVAIL) || now_ms() >= deadline_ms)
        return false;
    nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000L}, NULL);
    return true;
}

// Once it is bound: an IPv6 reply may come from an address that only a local route makes local
// (AnyIP), as IPv4 allows.
static int bind_at_last(int fd, const struct sockaddr *address, socklen_t len, uint64_t deadline_ms)
{
    const int on = 1;
    while (bind(fd, address, len) != 0)
        if (!try_again(errno, deadline_ms))
            return -1;
    return address->sa_family == AF_INET
               ? 0
               : setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on);
}

// Returns the descriptor or -errno.
static int open_bound(const struct sockaddr *address, socklen_t len, bool answered, bool joins,
                      uint64_t deadline_ms)
{
    const int family = address->sa_family;
    const int on = joins;
    const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && attach_filter(fd, family, answered) == 0 && set_options(fd, family) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
        bind_at_last(fd, address, len, deadline_ms) == 0)
        return fd;
    const int error = errno;
    if (fd >= 0)
        close(fd);
    return -error;
}

int guard_socket_open(int family, uint16_t port, const char *key, bool answered,
                      uint64_t deadline_ms)
{
    const struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    const struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int fd =
        family == AF_INET6
            ? open_bound((const struct sockaddr *)&v6, sizeof v6, answered, false, deadline_ms)
            : open_bound((const struct sockaddr *)&v4, sizeof v4, answered, false, deadline_ms);
    if (fd == -EADDRINUSE)
        log_error("UDP port %u is taken: another time daemon (chronyd, ntpd, systemd-timesyncd) or "
                  "another noonmarkd runs; stop it or set %s",
                  port, key);
    else if (fd < 0 && fd != -EAFNOSUPPORT)
        log_error("cannot guard UDP port %u (%s): %s", port, key, strerror(-fd));
    return fd;
}

// The port is at the same place in both families.
static in_port_t *port_in(struct sockaddr_storage *address)
{
    return &((struct sockaddr_in *)address)->sin_port;
}

static void log_failure(const struct config_port *port, uint16_t udp_port, int error)
{
    struct sockaddr_storage endpoint = port->endpoint;
    char at[96];
    if (ntohs(*port_in(&endpoint)) == udp_port)
        snprintf(at, sizeof at, "%s (dataplane.ports)", port->device);
    else
        snprintf(at, sizeof at, "%s with port %u instead (dataplane.nts_port)", port->device,
                 udp_port);
    if (error == EADDRINUSE)
        log_error("UDP address %s is taken: another time daemon (chronyd, ntpd, "
                  "systemd-timesyncd) or another noonmarkd runs; stop it or choose another address",
                  at);
    else if (error == EADDRNOTAVAIL)
        log_error("UDP address %s is not one of this machine; correct it, or start noonmarkd once "
                  "the network is up (After=network-online.target)",
                  at);
    else if (error == EACCES)
        log_error("UDP address %s has a port below 1024, and this root lacks "
                  "CAP_NET_BIND_SERVICE; give it that, or choose another port",
                  at);
    else
        log_error("cannot open a socket at %s: %s", at, strerror(error));
}

// Past net.core.rmem_max only with CAP_NET_ADMIN.
static void enlarge_buffer(int fd)
{
    const int len = PORT_BUFFER_LEN;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &len, sizeof len) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &len, sizeof len);
}

// The first one shares its port only once it has it: so it is not shared with another noonmarkd.
int port_socket_open(const struct config_port *port, uint16_t udp_port, bool first,
                     uint64_t deadline_ms)
{
    const int on = 1;
    struct sockaddr_storage at = port->endpoint;
    *port_in(&at) = htons(udp_port);
    const int fd =
        open_bound((const struct sockaddr *)&at, port->endpoint_len, true, !first, deadline_ms);
    if (fd < 0) {
        log_failure(port, udp_port, -fd);
        return fd;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    enlarge_buffer(fd);
    return fd;
}

int port_socket_look(const struct config_port *port)
{
    // At any port: the one that is meant may be held by the server that runs.
    struct sockaddr_storage any_port = port->endpoint;
    const uint16_t named = ntohs(*port_in(&any_port));
    *port_in(&any_port) = 0;
    const int fd =
        open_bound((const struct sockaddr *)&any_port, port->endpoint_len, true, true, 0);
    if (fd < 0)
        log_failure(port, named, -fd);
    else
        close(fd);
    return fd < 0 ? fd : 0;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, level, name, &value, &len) == 0 ? value : -1;
}

// The kernel counts in instructions here, not in octets.
static bool has_filter(int fd, int family, bool answered)
{
    struct sock_filter wanted[FILTER_LEN], got[FILTER_LEN] = {{0}};
    const unsigned short len = write_filter(wanted, family, answered);
    socklen_t got_len = FILTER_LEN;

    return getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, got, &got_len) == 0 && got_len == len &&
           memcmp(got, wanted, len * sizeof wanted[0]) == 0 &&
           option(fd, SOL_SOCKET, SO_LOCK_FILTER) == 1;
}

// A child could have joined it to one peer or one interface.
static bool is_open_to_all(int fd)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    char device[IFNAMSIZ] = "";
    socklen_t device_len = sizeof device;

    return getpeername(fd, (struct sockaddr *)&peer, &len) != 0 && errno == ENOTCONN &&
           getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, &device_len) == 0 && device_len == 0;
}

bool guard_socket_adopt(int fd, bool answered, bool shared)
{
    const int family = option(fd, SOL_SOCKET, SO_DOMAIN), on = shared;

    if (option(fd, SOL_SOCKET, SO_TYPE) != SOCK_DGRAM ||
        (family != AF_INET && family != AF_INET6) ||
        (family == AF_INET6 && option(fd, IPPROTO_IPV6, IPV6_V6ONLY) != 1) ||
        !has_filter(fd, family, answered) || !is_open_to_all(fd))
        return false;
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        return false;
    if (shared)
        enlarge_buffer(fd);
    return true;
}
