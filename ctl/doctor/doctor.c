// A new examination is a row here and a function of ctl/doctor/findings_of.h.
#include "ctl/doctor/doctor.h"

#include "ctl/doctor/findings_of.h"

static const struct {
    const char *name;
    void (*examine)(const struct machine *m, struct findings *list);
    bool of_ntp; // not on a host that serves NTS-KE alone
} examinations[] = {
    {"setup", setup_examine, false},          {"certificates", certificates_examine, false},
    {"cores", cores_examine, true},           {"isolation", isolation_examine, true},
    {"interrupts", interrupts_examine, true}, {"power", power_examine, true},
    {"interfaces", interfaces_examine, true}, {"queues", queues_examine, true},
    {"offloads", offloads_examine, true},     {"stamps", stamps_examine, true},
    {"drivers", drivers_examine, true},       {"firewall", firewall_examine, true},
    {"sockets", sockets_examine, false},      {"memory", memory_examine, false},
    {"processes", processes_examine, false},  {"clock", clock_examine, true},
    {"kernel", kernel_examine, false},        {"fleet", fleet_examine, false},
};

void doctor_examine(const struct machine *m, struct findings *list)
{
    list->subject = "server";
    if (m->status != NULL)
        finding_add(list, FINDING_OK, "noonmarkd %s answers",
                    json_string_value(json_object_get(m->status, "version")) != NULL
                        ? json_string_value(json_object_get(m->status, "version"))
                        : "of an unknown version");
    else
        finding_add(list, FINDING_UNSEEN, "the running server: %s",
                    m->server_fault != NULL ? m->server_fault : "none answers");
    list->subject = "setup";
    if (m->config == NULL) {
        finding_add(list, m->config_hidden ? FINDING_UNSEEN : FINDING_FAULT, "%s",
                    m->config_fault != NULL ? m->config_fault : m->config_path);
        finding_mend(list, "noonmarkctl doctor -c FILE names another configuration");
        return;
    }
    for (size_t i = 0; i < sizeof examinations / sizeof examinations[0]; i++) {
        if (examinations[i].of_ntp && m->config->role == SERVE_KE)
            continue;
        list->subject = examinations[i].name;
        examinations[i].examine(m, list);
    }
}
