// The real machine.
#include "ctl/doctor/look.h"

#include "ctl/doctor/run.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

static void look_at_config(struct machine *m)
{
    static struct config_error error; // static for its size, and because config_fault is in it
    struct config *config;

    if (config_load(m->config_path, &config, &error) == 0)
        m->config = config;
    else
        m->config_fault = error.text;
    m->config_hidden = m->config == NULL && access(m->config_path, R_OK) != 0 && errno == EACCES;
}

static void look_at_interfaces(struct machine *m)
{
    for (uint32_t i = 0; i < m->config->dataplane.n_ports; i++)
        if (m->config->dataplane.ports[i].kind == PORT_INTERFACE)
            nic_look(m->config->dataplane.ports[i].device, &m->nic[i]);
}

// nft lists iptables' rules, too, where they are nft's; iptables-save those of the old kind.
static void look_at_rules(struct machine *m)
{
    static const char *const nft[] = {"nft", "-n", "list", "ruleset", NULL};
    static const char *const old[] = {"iptables-save", NULL};
    int status;
    char *text = run_and_read(nft, &status);

    if (text == NULL || status != 0) {
        free(text);
        text = run_and_read(old, &status);
    }
    if (text != NULL && status == 0)
        m->rules = text;
    else
        free(text);
}

// noonmarkd beside this program, or in a directory of PATH. Only root can read all that it reads.
static void look_at_setup(struct machine *m)
{
    char path[PATH_MAX];
    const char *command[] = {"noonmarkd", "--check-config", "-c", m->config_path, NULL};

    if (!m->is_root) {
        m->check_fault = "only root can read them all";
        return;
    }
    const ssize_t len = readlink("/proc/self/exe", path, sizeof path - sizeof "noonmarkd");
    char *slash = len > 0 ? memrchr(path, '/', (size_t)len) : NULL;
    if (slash != NULL) {
        strcpy(slash + 1, "noonmarkd");
        if (access(path, X_OK) == 0)
            command[0] = path;
    }
    m->check = run_and_read(command, &m->check_status);
    if (m->check == NULL)
        m->check_fault = "noonmarkd cannot be run";
}

void machine_look(struct machine *m)
{
    static struct utsname name;

    m->is_root = geteuid() == 0;
    m->timex_state = adjtimex(&m->timex);
    m->timex_known = m->timex_state >= 0;
    if (uname(&name) == 0)
        m->release = name.release;
    look_at_config(m);
    if (m->config == NULL)
        return;
    look_at_interfaces(m);
    look_at_rules(m);
    look_at_setup(m);
}

void machine_forget(struct machine *m)
{
    free((char *)(uintptr_t)m->rules);
    free((char *)(uintptr_t)m->check);
    config_free((struct config *)(uintptr_t)m->config);
    json_decref(m->status);
    json_decref(m->clock);
    m->status = m->clock = NULL;
    m->rules = m->check = NULL;
    m->config = NULL;
}
