// What each role does without.
#include "config/schema.h"

#include <string.h>

const char *const schema_role_words[] = {
    [SERVE_BOTH] = "both", [SERVE_KE] = "ke", [SERVE_NTP] = "ntp", NULL};

// All keys whose path begins so, but for those that are kept. By the section and not key by key, so
// that a key that is new in a section is thought of in the same way.
static const struct {
    enum config_role role;
    const char *begins;
    const char *kept[3];
} without[] = {
    // Its NTS-KE serves the sources that the dataplane's lists name.
    {SERVE_KE, "dataplane.", {"dataplane.allow", "dataplane.deny"}},
    // It tells nobody the time. The hook hears of a planned stop.
    {SERVE_KE, "time.", {"time.hook"}},
    {SERVE_NTP, "control.", {"control.user", "control.socket"}},
};

static bool is_kept(const char *path, const char *const kept[3])
{
    for (int i = 0; i < 3 && kept[i] != NULL; i++)
        if (strcmp(path, kept[i]) == 0)
            return true;
    return false;
}

bool schema_role_forbids(const struct schema_key *key, enum config_role role)
{
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++)
        if (without[i].role == role &&
            strncmp(key->path, without[i].begins, strlen(without[i].begins)) == 0 &&
            !is_kept(key->path, without[i].kept))
            return true;
    return false;
}
