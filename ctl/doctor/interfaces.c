// The served interfaces: link, the XDP program, what the server got of them, and the firewall that
// does not see what it serves.
#include "ctl/doctor/drivers.h"
#include "ctl/doctor/findings_of.h"

#include <inttypes.h>
#include <string.h>

// The server's own program, as it says itself; 0: it serves this port not.
static uint32_t own_program(const struct machine *m, const char *name)
{
    const json_t *port = machine_port(m->status, name);
    const char *state = json_string_value(json_object_get(port, "state"));
    if (state == NULL || strcmp(state, "open") != 0)
        return 0;
    return (uint32_t)json_integer_value(json_object_get(port, "xdp_program"));
}

static void examine_program(const struct machine *m, const struct nic *nic, struct findings *list)
{
    const uint32_t own = own_program(m, nic->name);

    if (!nic->program.known) {
        finding_add(list, FINDING_UNSEEN, "%s: whether an XDP program is attached", nic->name);
    } else if (nic->program.id == 0 && own == 0) {
        finding_add(list, FINDING_OK, "%s: no XDP program is in the way", nic->name);
    } else if (nic->program.id != 0 && nic->program.id == own) {
        finding_add(list, FINDING_OK, "%s: the XDP program (id %" PRIu32 ") is the server's",
                    nic->name, own);
    } else if (nic->program.id != 0 && m->status == NULL) {
        finding_add(list, FINDING_FAULT,
                    "%s: an XDP program (id %" PRIu32 ") is attached, and no server answers whose "
                    "it could be",
                    nic->name, nic->program.id);
        finding_mend(
            list, "ip link set dev %s xdp off; if a process holds it, 'bpftool link' shows which",
            nic->name);
    } else if (nic->program.id != 0) {
        finding_add(list, FINDING_FAULT,
                    "%s: another program's XDP program (id %" PRIu32 ") is attached", nic->name,
                    nic->program.id);
        finding_mend(
            list, "ip link set dev %s xdp off; if a process holds it, 'bpftool link' shows which",
            nic->name);
    } else {
        finding_add(list, FINDING_FAULT,
                    "%s: no XDP program is attached here, though the server that answers says that "
                    "it serves it; it may run in another network namespace",
                    nic->name);
    }
}

static void examine_link(const struct nic *nic, struct findings *list)
{
    if (!nic->up) {
        finding_add(list, FINDING_FAULT, "%s: is switched off", nic->name);
        finding_mend(list, "ip link set dev %s up", nic->name);
    } else if (!nic->link) {
        finding_add(list, FINDING_FAULT, "%s: has no link: nothing is at the other end", nic->name);
        finding_mend(list, "look at cable and switch port; 'ethtool %s' shows the link", nic->name);
    } else {
        finding_add(list, FINDING_OK, "%s: link up, driver %s", nic->name,
                    nic->driver[0] != '\0' ? nic->driver : "not known");
    }
}

// What the server got; only it can tell.
static void examine_mode(const struct machine *m, const struct nic *nic, struct findings *list)
{
    const json_t *port = machine_port(m->status, nic->name);
    const char *mode = json_string_value(json_object_get(port, "mode"));

    if (m->status == NULL) {
        finding_add(list, FINDING_UNSEEN, "%s: the XDP mode: no server answers", nic->name);
        return;
    }
    if (port == NULL) {
        finding_add(list, FINDING_FAULT, "%s: the running server does not serve it", nic->name);
        finding_mend(list, "systemctl restart noonmarkd (dataplane.ports is read at a start)");
        return;
    }
    const char *state = json_string_value(json_object_get(port, "state"));
    if (state == NULL || strcmp(state, "open") != 0) {
        finding_add(list, FINDING_FAULT, "%s: not served, its state is: %s", nic->name,
                    state != NULL ? state : "not known");
        finding_mend(list, "the server's log says why; it serves the port once that is gone");
    } else if (mode != NULL && strstr(mode, "generic") != NULL) {
        finding_add(
            list, FINDING_HINT, "%s: %s: the kernel handles each frame first%s", nic->name, mode,
            driver_runs_programs(nic->driver) ? "; this driver is known to run XDP programs itself"
                                              : "");
        if (driver_runs_programs(nic->driver))
            finding_mend(list, "dmesg | grep %s: drivers say there why they refuse", nic->name);
    } else if (mode != NULL && strstr(mode, "native, copy") != NULL &&
               driver_has_zero_copy(nic->driver)) {
        finding_add(list, FINDING_HINT,
                    "%s: %s: this driver is known to receive without a copy, in newer kernels",
                    nic->name, mode);
    } else {
        finding_add(list, FINDING_OK, "%s: %s", nic->name, mode != NULL ? mode : "open");
    }
}

void interfaces_examine(const struct machine *m, struct findings *list)
{
    for (uint32_t i = 0; i < m->config->dataplane.n_ports; i++) {
        const struct nic *nic = &m->nic[i];
        if (nic->name[0] == '\0')
            continue;
        if (!nic->exists) {
            finding_add(list, FINDING_FAULT, "%s: there is no such interface", nic->name);
            finding_mend(list, "dataplane.ports in %s: name one that 'ip link' lists",
                         m->config_path);
            continue;
        }
        examine_link(nic, list);
        examine_program(m, nic, list);
        examine_mode(m, nic, list);
    }
}

static bool serves_interfaces(const struct config *config)
{
    for (uint32_t i = 0; i < config->dataplane.n_ports; i++)
        if (config->dataplane.ports[i].kind == PORT_INTERFACE)
            return true;
    return false;
}

// Does a line of the rules name the port: "dport 123", "dport ntp", "--dport 123", "{ 53, 123 }"?
// nft prints numbers; names and sets are taken as they are written.
static bool rule_names(const char *line, size_t len, const char *port)
{
    const char *at = memmem(line, len, "port", 4);
    if (at == NULL || memmem(line, len, "udp", 3) == NULL)
        return false;
    const size_t width = strlen(port);
    const char *end = line + len;
    for (const char *found; (found = memmem(at, (size_t)(end - at), port, width)) != NULL;
         at = found + width) {
        const bool starts = strchr(" ,{:", found[-1]) != NULL;
        if (starts && (found + width == end || strchr(" ,}\n", found[width]) != NULL))
            return true;
    }
    return false;
}

static void examine_rules(const struct machine *m, unsigned udp_port, struct findings *list)
{
    char port[8];
    unsigned n = 0;

    snprintf(port, sizeof port, "%u", udp_port);
    for (const char *line = m->rules; *line != '\0';) {
        const size_t len = strcspn(line, "\n");
        n += rule_names(line, len, port);
        n += udp_port == 123 && rule_names(line, len, "ntp");
        line += len + (line[len] == '\n');
    }
    if (n == 0) {
        finding_add(list, FINDING_OK, "no rule of the firewall names UDP port %s", port);
        return;
    }
    finding_add(
        list, FINDING_HINT,
        "rules of the firewall that name UDP port %s: %u; those on arrival have no effect on "
        "AF_XDP, which takes the requests before",
        port, n);
    finding_mend(list, "filter in the router in front of this host");
}

void firewall_examine(const struct machine *m, struct findings *list)
{
    if (!serves_interfaces(m->config))
        return;
    if (m->rules == NULL) {
        finding_add(list, FINDING_UNSEEN,
                    "the firewall's rules (nft and iptables-save are not there, or need root); "
                    "AF_XDP takes requests before any of them");
        return;
    }
    examine_rules(m, m->config->dataplane.udp_port, list);
    if (m->config->dataplane.nts_port != 0)
        examine_rules(m, m->config->dataplane.nts_port, list);
}
