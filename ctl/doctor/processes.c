// The running server's processes, as /proc shows them: their rights, their filter of system calls,
// their limit of locked memory, and who started them.
#include "ctl/doctor/findings_of.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RIGHT(capability) (UINT64_C(1) << (capability))

enum { FILTERED = 2 }; // of Seccomp: in /proc/PID/status

// The number behind "NAME:\t" in the text of /proc/PID/status. False: it has no such line.
static bool field(const char *text, const char *name, int base, uint64_t *value)
{
    const char *at = strstr(text, name);
    if (at == NULL)
        return false;
    *value = strtoull(at + strlen(name), NULL, base);
    return true;
}

static bool has_vdev(const struct config *config)
{
    for (uint32_t i = 0; config != NULL && i < config->dataplane.n_ports; i++)
        if (config->dataplane.ports[i].kind == PORT_VDEV)
            return true;
    return false;
}

// The rights that a child may have while it serves.
static uint64_t rights_of(const struct machine *m, const char *name)
{
    if (strcmp(name, "noonmarkd:ctl") == 0 || strcmp(name, "noonmarkd:ke") == 0)
        return RIGHT(CAP_IPC_LOCK);
    if (strcmp(name, "noonmarkd:data") == 0 && has_vdev(m->config))
        return RIGHT(CAP_NET_ADMIN);
    return 0;
}

static void examine_limit(const struct machine *m, const char *pid, const char *name,
                          uint64_t rights, struct findings *list)
{
    char limits[2048];

    if (machine_read(m, limits, sizeof limits, "proc/%s/limits", pid) <= 0)
        return;
    const char *line = strstr(limits, "Max locked memory");
    if (line == NULL || (rights & RIGHT(CAP_IPC_LOCK)) != 0)
        return;
    const char *value = line + strlen("Max locked memory");
    value += strspn(value, " ");
    if (strncmp(value, "unlimited", strlen("unlimited")) == 0) {
        finding_add(list, FINDING_OK, "%s (pid %s): may lock all of its memory", name, pid);
        return;
    }
    finding_add(list, FINDING_HINT,
                "%s (pid %s): may lock %.*s octets: keys may be swapped to a disk", name, pid,
                (int)strcspn(value, " "), value);
    finding_mend(list, "LimitMEMLOCK=infinity in the unit, or --ulimit memlock=-1 for a container");
}

static void examine_child(const struct machine *m, const char *pid, const char *name,
                          const char *status, struct findings *list)
{
    uint64_t rights, filter;

    if (!field(status, "\nCapEff:", 16, &rights) || !field(status, "\nSeccomp:", 10, &filter)) {
        finding_add(list, FINDING_UNSEEN, "%s (pid %s): its rights", name, pid);
        return;
    }
    const uint64_t more = rights & ~rights_of(m, name);
    if (more != 0) {
        finding_add(list, FINDING_FAULT,
                    "%s (pid %s): has capabilities that it should have given up: %" PRIx64
                    " (capsh --decode=%" PRIx64 ")",
                    name, pid, more, more);
        finding_mend(list, "systemctl restart noonmarkd, and please report this");
    }
    if (filter != FILTERED) {
        finding_add(list, FINDING_FAULT, "%s (pid %s): no filter of system calls (seccomp)", name,
                    pid);
        finding_mend(list, "a kernel with CONFIG_SECCOMP_FILTER, then systemctl restart noonmarkd");
    }
    if (more == 0 && filter == FILTERED)
        finding_add(list, FINDING_OK, "%s (pid %s): no right too many, system calls filtered", name,
                    pid);
    if (strcmp(name, "noonmarkd:ctl") == 0 || strcmp(name, "noonmarkd:ke") == 0)
        examine_limit(m, pid, name, rights, list);
}

static void examine_unit(const struct machine *m, struct findings *list)
{
    char cgroup[1024], running[64];
    const bool systemd =
        machine_read(m, running, sizeof running, "run/systemd/system/.") == -EISDIR;

    if (!systemd)
        return; // a container, or another init
    if (machine_read(m, cgroup, sizeof cgroup, "proc/%d/cgroup", (int)m->supervisor) <= 0) {
        finding_add(list, FINDING_UNSEEN, "the unit of the server (pid %d)", (int)m->supervisor);
        return;
    }
    const char *unit = strrchr(cgroup, '/');
    if (unit != NULL && strstr(unit, ".service") != NULL) {
        finding_add(list, FINDING_OK, "the server runs as %s", unit + 1);
        return;
    }
    finding_add(list, FINDING_HINT,
                "the server (pid %d) runs under no unit of systemd: nothing starts it again after "
                "a reboot",
                (int)m->supervisor);
    finding_mend(list, "systemctl enable --now noonmarkd, once the package's unit is there");
}

void processes_examine(const struct machine *m, struct findings *list)
{
    char path[PATH_MAX], status[4096], name[32];
    unsigned n = 0;

    if (m->supervisor == 0) {
        finding_add(list, FINDING_UNSEEN, "the server's processes: no server answers");
        return;
    }
    snprintf(path, sizeof path, "%s/proc", m->root);
    DIR *folder = opendir(path);
    for (const struct dirent *at; folder != NULL && (at = readdir(folder)) != NULL;) {
        uint64_t parent;
        if (!isdigit((unsigned char)at->d_name[0]) ||
            machine_read(m, status, sizeof status, "proc/%s/status", at->d_name) <= 0 ||
            !field(status, "\nPPid:", 10, &parent) || (pid_t)parent != m->supervisor ||
            machine_read(m, name, sizeof name, "proc/%s/comm", at->d_name) <= 0 ||
            strncmp(name, "noonmarkd:", strlen("noonmarkd:")) != 0)
            continue;
        n++;
        examine_child(m, at->d_name, name, status, list);
    }
    if (folder != NULL)
        closedir(folder);
    if (n == 0)
        finding_add(list, FINDING_UNSEEN, "the server's processes: /proc does not show them");
    examine_unit(m, list);
}
