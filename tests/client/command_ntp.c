// ntsprobe ntp: sends datagrams given in hex and prints what comes back.
//
//   --address A --port 123     where to
//   --bind A --source-port N   from where
//   --timeout MS               how long to wait after the last one (300)
//   --spacing-us N             pause between datagrams
//   HEX...                     one datagram each; "-" reads one a line from stdin
//
// A line a reply: index of the datagram whose transmit timestamp it echoes (-1: none), then
// {"sent":n,"replies":n}.
#include "tests/client/commands.h"
#include "tests/client/octets.h"
#include "tests/client/packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BIND = OPTION_OWN,
    SOURCE_PORT,
    TIMEOUT,
    SPACING_US,
    DATAGRAMS_MAX = 20000,
};

static const struct option options[] = {
    COMMON_OPTIONS,
    {"bind", required_argument, NULL, BIND},
    {"source-port", required_argument, NULL, SOURCE_PORT},
    {"timeout", required_argument, NULL, TIMEOUT},
    {"spacing-us", required_argument, NULL, SPACING_US},
    {0},
};

struct session {
    int fd;
    unsigned sent;
    unsigned replies;
    uint8_t stamp[DATAGRAMS_MAX][8]; // transmit timestamp of each
};

static int open_socket(const char *address, uint16_t source_port, const char *from)
{
    struct sockaddr_storage local;
    socklen_t len;
    if (from == NULL)
        from = strchr(address, ':') != NULL ? "::" : "0.0.0.0";
    if (!ke_address(from, source_port, &local, &len))
        return -1;
    int fd = socket(local.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){4 << 20}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&local, len) != 0) {
        perror("bind");
        return -1;
    }
    return fd;
}

static int index_of(const struct session *s, const uint8_t *reply, ssize_t len)
{
    if (len >= NTP_HEADER_LEN)
        for (unsigned i = s->sent; i-- > 0;)
            if (memcmp(s->stamp[i], reply + 24, 8) == 0)
                return (int)i;
    return -1;
}

// Prints what arrives until nothing has arrived for wait_ms.
static void drain(struct session *s, int wait_ms)
{
    struct pollfd ready = {.fd = s->fd, .events = POLLIN};
    while (poll(&ready, 1, wait_ms) > 0) {
        uint8_t reply[PACKET_MAX];
        struct sockaddr_storage from;
        socklen_t from_len = sizeof from;
        ssize_t len = recvfrom(s->fd, reply, sizeof reply, 0, (struct sockaddr *)&from, &from_len);
        if (len < 0)
            continue; // an ICMP error
        char text[INET6_ADDRSTRLEN] = "";
        uint16_t port = 0;
        if (from.ss_family == AF_INET) {
            struct sockaddr_in *v4 = (struct sockaddr_in *)&from;
            inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
            port = ntohs(v4->sin_port);
        } else {
            struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&from;
            inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
            port = ntohs(v6->sin6_port);
        }
        s->replies++;
        printf("{\"index\":%d,\"from\":\"%s\",\"port\":%u,", index_of(s, reply, len), text, port);
        octets_print(stdout, "reply", reply, (size_t)len);
        printf("}\n");
    }
}

static bool send_one(struct session *s, const char *hex, const struct sockaddr_storage *to,
                     socklen_t to_len)
{
    static uint8_t datagram[65536];
    int n = octets_from_hex(hex, datagram, sizeof datagram);
    if (n < 0 || s->sent == DATAGRAMS_MAX)
        return false;
    if (n >= NTP_HEADER_LEN)
        memcpy(s->stamp[s->sent], datagram + 40, 8);
    s->sent++;
    if (sendto(s->fd, datagram, (size_t)n, 0, (const struct sockaddr *)to, to_len) != n &&
        errno != ECONNREFUSED)
        perror("sendto");
    return true;
}

int command_ntp(int argc, char **argv)
{
    static struct session s;
    static char line[2 * 65536 + 2];
    struct ke_plan plan = {.port = 123};
    const char *from = NULL;
    uint16_t source_port = 0;
    int timeout_ms = 300;
    useconds_t spacing_us = 0;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == BIND)
            from = optarg;
        else if (option == SOURCE_PORT)
            source_port = (uint16_t)atoi(optarg);
        else if (option == TIMEOUT)
            timeout_ms = atoi(optarg);
        else if (option == SPACING_US)
            spacing_us = (useconds_t)atoi(optarg);
        else if (option >= OPTION_ADDRESS && option < OPTION_COMMON_END)
            common_option(option, optarg, &plan);
        else
            return 2;
    }
    struct sockaddr_storage to;
    socklen_t to_len;
    if (plan.address == NULL || !ke_address(plan.address, plan.port, &to, &to_len))
        return 2;
    s.fd = open_socket(plan.address, source_port, from);
    if (s.fd < 0)
        return 1;
    for (int i = optind; i < argc; i++) {
        bool many = strcmp(argv[i], "-") == 0;
        while (!many || fgets(line, sizeof line, stdin) != NULL) {
            if (!send_one(&s, many ? line : argv[i], &to, to_len))
                return 2;
            if (spacing_us > 0)
                usleep(spacing_us);
            drain(&s, 0);
            if (!many)
                break;
        }
    }
    drain(&s, timeout_ms);
    printf("{\"sent\":%u,\"replies\":%u}\n", s.sent, s.replies);
    return 0;
}
