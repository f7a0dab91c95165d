// The tables are those of the network namespace that this process is in.
#include "supervisor/addresses.h"

#include <linux/if_addr.h>
#include <netinet/in.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 512 };

// Each line: address, index, prefix length, scope, flags, name; all numbers hexadecimal.
enum address_state address_state(const struct sockaddr_storage *address)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    char wanted[33], line[LINE_MAX_LEN], found[33];
    enum address_state state = ADDRESS_ABSENT;
    unsigned flags;

    if (address->ss_family != AF_INET6)
        return ADDRESS_ABSENT;
    for (int i = 0; i < 16; i++)
        snprintf(wanted + 2 * i, 3, "%02x", v6->sin6_addr.s6_addr[i]);
    FILE *table = fopen("/proc/self/net/if_inet6", "re");
    if (table == NULL)
        return ADDRESS_ABSENT;
    while (state == ADDRESS_ABSENT && fgets(line, sizeof line, table) != NULL) {
        if (sscanf(line, "%32s %*x %*x %*x %x", found, &flags) != 2 || strcmp(found, wanted) != 0)
            continue;
        state = flags & IFA_F_DADFAILED   ? ADDRESS_DUPLICATE
                : flags & IFA_F_TENTATIVE ? ADDRESS_TENTATIVE
                                          : ADDRESS_USABLE;
    }
    fclose(table);
    return state;
}

// The kernel's numbers of states (include/net/tcp_states.h).
static bool is_closing(unsigned state)
{
    enum { FIN_WAIT1 = 4, FIN_WAIT2 = 5, TIME_WAIT = 6, LAST_ACK = 9, CLOSING = 11 };
    return state == FIN_WAIT1 || state == FIN_WAIT2 || state == TIME_WAIT || state == LAST_ACK ||
           state == CLOSING;
}

static void count_connections(const char *path, uint16_t port, unsigned *closing, unsigned *others)
{
    char line[LINE_MAX_LEN];
    unsigned local, state;
    FILE *table = fopen(path, "re");

    if (table == NULL)
        return;
    while (fgets(line, sizeof line, table) != NULL)
        if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x", &local, &state) == 2 &&
            local == port)
            (*(is_closing(state) ? closing : others))++;
    fclose(table);
}

bool port_is_closing(uint16_t port)
{
    unsigned closing = 0, others = 0;

    count_connections("/proc/self/net/tcp", port, &closing, &others);
    count_connections("/proc/self/net/tcp6", port, &closing, &others);
    return closing > 0 && others == 0;
}

bool family_exists(int family)
{
    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return errno != EAFNOSUPPORT;
    close(fd);
    return true;
}

uint32_t addresses_leave_out(struct config *config)
{
    struct config_listen *listen = config->control.listen;
    uint32_t n = config->control.n_listen;
    uint32_t left_out = 0;

    for (uint32_t i = 0; i < n && n > 1;) {
        if (!listen[i].by_default || family_exists(listen[i].address.ss_family)) {
            i++;
            continue;
        }
        free(listen[i].text);
        n--;
        memmove(&listen[i], &listen[i + 1], (n - i) * sizeof listen[0]);
        listen[n] = (struct config_listen){0};
        left_out++;
    }
    config->control.n_listen = n;
    return left_out;
}

bool addresses_equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct sockaddr_in *a4 = (const struct sockaddr_in *)a,
                             *b4 = (const struct sockaddr_in *)b;
    const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a,
                              *b6 = (const struct sockaddr_in6 *)b;

    if (a->ss_family != b->ss_family || a4->sin_port != b4->sin_port)
        return false;
    return a->ss_family == AF_INET ? a4->sin_addr.s_addr == b4->sin_addr.s_addr
                                   : memcmp(&a6->sin6_addr, &b6->sin6_addr, 16) == 0;
}
