// Who else has the ports that the server serves: /proc/net tells the sockets, /proc/PID/fd whose
// they are.
#include "ctl/doctor/findings_of.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TCP_LISTENING = 0x0A };

struct owner {
    pid_t pid; // 0: none was found
    char name[32];
};

static bool has_descriptor(const struct machine *m, const char *pid, uint64_t inode)
{
    char path[PATH_MAX], link[64], wanted[64];
    bool found = false;

    snprintf(wanted, sizeof wanted, "socket:[%" PRIu64 "]", inode);
    snprintf(path, sizeof path, "%s/proc/%s/fd", m->root, pid);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return false;
    for (const struct dirent *at; !found && (at = readdir(folder)) != NULL;) {
        const ssize_t len = readlinkat(dirfd(folder), at->d_name, link, sizeof link - 1);
        if (len <= 0)
            continue;
        link[len] = '\0';
        found = strcmp(link, wanted) == 0;
    }
    closedir(folder);
    return found;
}

static struct owner owner_of(const struct machine *m, uint64_t inode)
{
    struct owner owner = {0};
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/proc", m->root);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return owner;
    for (const struct dirent *at; owner.pid == 0 && (at = readdir(folder)) != NULL;) {
        if (!isdigit((unsigned char)at->d_name[0]) || !has_descriptor(m, at->d_name, inode))
            continue;
        owner.pid = (pid_t)atoi(at->d_name);
        machine_read(m, owner.name, sizeof owner.name, "proc/%s/comm", at->d_name);
    }
    closedir(folder);
    return owner;
}

static void say_taken(const struct machine *m, const char *kind, unsigned port, uint64_t inode,
                      struct findings *list)
{
    const struct owner owner = owner_of(m, inode);

    if (strncmp(owner.name, "noonmarkd", strlen("noonmarkd")) == 0) {
        finding_add(list, FINDING_OK, "%s port %u: noonmarkd has it (pid %d)", kind, port,
                    (int)owner.pid);
    } else if (owner.pid == 0) {
        finding_add(list, FINDING_UNSEEN, "%s port %u: a process has it that this user cannot see",
                    kind, port);
        finding_mend(list, "run it as root, with sudo");
    } else {
        finding_add(list, FINDING_FAULT, "%s port %u: %s (pid %d) has it", kind, port, owner.name,
                    (int)owner.pid);
        if (strcmp(owner.name, "chronyd") == 0 && strcmp(kind, "UDP") == 0)
            finding_mend(list, "'port 0' in chrony.conf, then systemctl restart chrony");
        else
            finding_mend(list, "stop it: systemctl status %d shows its unit", (int)owner.pid);
    }
}

// One of /proc/net/udp, udp6, tcp and tcp6. True when a socket has the port; states other than
// listening do not matter for TCP.
static bool examine_table(const struct machine *m, const char *table, const char *kind,
                          unsigned port, struct findings *list, uint64_t *last)
{
    static char text[1 << 20]; // main thread only; static for its size
    bool found = false;
    char *rest;

    if (machine_read(m, text, sizeof text, "proc/net/%s", table) < 0)
        return false;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        unsigned local, state;
        uint64_t inode;
        if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*u %*u %" SCNu64, &local,
                   &state, &inode) != 3 ||
            local != port || (strcmp(kind, "TCP") == 0 && state != TCP_LISTENING) || inode == 0 ||
            inode == *last)
            continue;
        found = true;
        *last = inode;
        say_taken(m, kind, port, inode, list);
    }
    return found;
}

static void examine_port(const struct machine *m, const char *kind, const char *const table[2],
                         unsigned port, struct findings *list)
{
    char probe[64];
    uint64_t last = 0;

    if (machine_read(m, probe, sizeof probe, "proc/net/%s", table[0]) < 0) {
        finding_add(list, FINDING_UNSEEN, "who has %s port %u (no /proc/net)", kind, port);
        return;
    }
    const bool first = examine_table(m, table[0], kind, port, list, &last);
    const bool second = examine_table(m, table[1], kind, port, list, &last);
    if (!first && !second)
        finding_add(list, FINDING_OK, "%s port %u: no other program has it", kind, port);
}

static unsigned port_of(const struct config_listen *listen)
{
    return ntohs(listen->address.ss_family == AF_INET6
                     ? ((const struct sockaddr_in6 *)&listen->address)->sin6_port
                     : ((const struct sockaddr_in *)&listen->address)->sin_port);
}

void sockets_examine(const struct machine *m, struct findings *list)
{
    static const char *const udp[] = {"udp", "udp6"}, *const tcp[] = {"tcp", "tcp6"};

    if (m->config->role != SERVE_KE)
        examine_port(m, "UDP", udp, m->config->dataplane.udp_port, list);
    if (m->config->dataplane.nts_port != 0)
        examine_port(m, "UDP", udp, m->config->dataplane.nts_port, list);
    for (uint32_t i = 0; i < m->config->control.n_listen; i++) {
        const unsigned port = port_of(&m->config->control.listen[i]);
        bool before = false;
        for (uint32_t j = 0; j < i; j++)
            before |= port_of(&m->config->control.listen[j]) == port;
        if (!before)
            examine_port(m, "TCP", tcp, port, list);
    }
}
