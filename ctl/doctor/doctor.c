// A new examination is a row here and a function of ctl/doctor/findings_of.h.
#include "ctl/doctor/doctor.h"

#include "ctl/doctor/findings_of.h"

static const struct {
    const char *name;
    void (*examine)(const struct machine *m, struct findings *list);
} examinations[] = {
    {"setup", setup_examine},           {"certificates", certificates_examine},
    {"cores", cores_examine},           {"isolation", isolation_examine},
    {"interrupts", interrupts_examine}, {"power", power_examine},
    {"interfaces", interfaces_examine}, {"queues", queues_examine},
    {"offloads", offloads_examine},     {"stamps", stamps_examine},
    {"drivers", drivers_examine},       {"firewall", firewall_examine},
    {"sockets", sockets_examine},       {"memory", memory_examine},
    {"processes", processes_examine},   {"clock", clock_examine},
    {"kernel", kernel_examine},
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
        list->subject = examinations[i].name;
        examinations[i].examine(m, list);
    }
}
