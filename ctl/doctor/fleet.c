// The document of a fleet's keys, as the running server sees it.
#include "ctl/doctor/findings_of.h"

#include <inttypes.h>
#include <time.h>

enum { DAY_S = 86400, SOON_S = 7 * DAY_S };

static const char *text_of(const json_t *fleet, const char *name)
{
    const char *text = json_string_value(json_object_get(fleet, name));
    return text != NULL ? text : "?";
}

// How long there still are keys.
static void examine_end(const json_t *fleet, struct findings *list)
{
    const int64_t left = json_integer_value(json_object_get(fleet, "ends")) - (int64_t)time(NULL);
    if (left <= 0)
        finding_add(list, FINDING_FAULT,
                    "the spans of the fleet's document have ended: the last key is frozen");
    else
        finding_add(list, left < SOON_S ? FINDING_HINT : FINDING_OK,
                    "the fleet's document has keys for %" PRId64 " days", left / DAY_S);
    if (left < SOON_S)
        finding_mend(list, "noonmarkctl keys derive, with later months and a higher --serial");
}

// Whether other servers have the same keys is seen by comparing what is shown here.
void fleet_examine(const struct machine *m, struct findings *list)
{
    const json_t *fleet = json_object_get(m->status, "fleet");
    if (!json_is_object(fleet))
        return;
    finding_add(list, FINDING_OK, "keys of a fleet: serial %" PRId64 ", fingerprint %s",
                (int64_t)json_integer_value(json_object_get(fleet, "serial")),
                text_of(fleet, "fingerprint"));
    if (json_is_true(json_object_get(fleet, "refused"))) {
        finding_add(list, FINDING_FAULT, "the fleet's document is refused: %s",
                    text_of(fleet, "why"));
        finding_mend(list, "noonmarkctl keys check FILE names the fault, FILE being "
                           "keys.fleet.file");
    }
    if (json_is_true(json_object_get(fleet, "waits")))
        finding_add(list, FINDING_HINT,
                    "the fleet's keys stay as they are, because the clock is unhealthy");
    examine_end(fleet, list);
}
