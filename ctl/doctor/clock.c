// The system's clock, as the kernel and the server tell of it.
#include "ctl/doctor/findings_of.h"

#include <string.h>

static const char *mend_of(const char *reason)
{
    static const struct {
        const char *reason, *mend;
    } mends[] = {
        {"stepped", "wait a minute; 'chronyc tracking' or the log of ptp4l says who steps it"},
        {"contradicted", "chronyc makestep, or look at the hardware clock: noonmarkctl clock"},
        {"stale", "systemctl restart chrony, or look at the device of time.source"},
        {"unsynchronised", "chronyc sources: let it have a source that it selects"},
        {"error", "chronyc sources: let it have a source; then raise time.max_error if need be"},
    };
    for (size_t i = 0; i < sizeof mends / sizeof mends[0]; i++)
        if (strcmp(mends[i].reason, reason) == 0)
            return mends[i].mend;
    return "noonmarkctl clock";
}

// What the server says of its source. True when it says that all is well.
static bool examine_health(const struct machine *m, struct findings *list)
{
    const json_t *health = json_object_get(m->clock, "health");
    const char *state = json_string_value(json_object_get(health, "state"));
    const char *reason = json_string_value(json_object_get(health, "reason"));

    if (state == NULL) {
        finding_add(list, FINDING_UNSEEN, "the health of the clock: no server answers");
        return false;
    }
    if (json_is_false(json_object_get(json_object_get(m->clock, "clock"), "believed"))) {
        finding_add(list, FINDING_FAULT, "the dataplane does not believe control's clock");
        finding_mend(list, "systemctl restart noonmarkd, and please report this with the log");
        return false;
    }
    if (strcmp(state, "healthy") == 0) {
        finding_add(list, FINDING_OK, "the server finds its clock healthy");
        return true;
    }
    finding_add(list, FINDING_FAULT, "the server finds its clock unhealthy (%s)",
                reason != NULL ? reason : "no reason given");
    finding_mend(list, "%s", mend_of(reason != NULL ? reason : ""));
    return false;
}

// The server knows better how old the kernel's word is; without it this is what there is.
static void examine_kernel(const struct machine *m, bool healthy, struct findings *list)
{
    const double error_s = (double)m->timex.maxerror / 1e6;
    const double most_s = (double)m->config->time.max_error_ms / 1e3;
    const bool chronyd = machine_runs(m, "chronyd");

    if (!m->timex_known) {
        finding_add(list, FINDING_UNSEEN, "what the kernel knows of its clock");
        return;
    }
    if ((m->timex.status & STA_UNSYNC) != 0) {
        const bool matters = m->config->time.source == TIME_SYSTEM && !healthy;
        finding_add(list, matters && error_s >= most_s ? FINDING_FAULT : FINDING_HINT,
                    "the kernel marks its clock as not synchronised, wrong by up to %.3f s "
                    "(time.max_error is %.3f s)",
                    error_s, most_s);
        if (chronyd)
            finding_mend(list, "'rtcsync' in chrony.conf, then systemctl restart chrony");
        else
            finding_mend(list, "systemctl enable --now chrony, with 'rtcsync' and 'port 0' in "
                               "chrony.conf");
    } else if (error_s >= most_s && m->config->time.source == TIME_SYSTEM && !healthy) {
        finding_add(list, FINDING_FAULT,
                    "the kernel says that its clock may be wrong by %.3f s, and time.max_error is "
                    "%.3f s",
                    error_s, most_s);
        finding_mend(list, "chronyc sources, or time.max_error in %s: more than %.3f s",
                     m->config_path, error_s);
    } else {
        finding_add(list, FINDING_OK, "the kernel's clock is synchronised, wrong by up to %.3f s",
                    error_s);
    }
    if (m->timex_state == TIME_INS || m->timex_state == TIME_DEL)
        finding_add(list, FINDING_OK, "a leap second is %s at the end of this day (UTC)",
                    m->timex_state == TIME_INS ? "inserted" : "taken out");
}

void clock_examine(const struct machine *m, struct findings *list)
{
    if (m->config->time.source == TIME_FIXED) {
        finding_add(list, FINDING_HINT,
                    "time.source is fixed: the clock is always served as synchronised, whatever it "
                    "is");
        finding_mend(list, "time.source in %s: system, chronyd or phc:/dev/ptpN", m->config_path);
    }
    const bool healthy = examine_health(m, list);
    if (m->config->time.source == TIME_CHRONYD && !healthy && !machine_runs(m, "chronyd")) {
        finding_add(list, FINDING_FAULT, "time.source is chronyd, and no chronyd is seen here");
        finding_mend(list, "systemctl enable --now chrony");
    }
    examine_kernel(m, healthy, list);
}
