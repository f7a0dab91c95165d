#include "supervisor/reload_answer.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

// The result for a setting.
enum fate { APPLIED, UNCHANGED, RESTART };

static bool has_fate(const struct reload *r, const struct config_setting *setting, enum fate fate)
{
    bool differs = setting->differs;

    if (setting->live == 0)
        return fate == RESTART && differs;
    // The files may have changed under the same names.
    if (strcmp(setting->path, "control.certificates") == 0)
        differs = differs || (r->certificates.n > 0 &&
                              !certificates_equal(&r->held->certificates, &r->certificates));
    return fate == (differs ? APPLIED : UNCHANGED);
}

// Writes one line of the answer, and one of the log. Returns the length of the whole text.
static size_t say_fate(const struct reload *r, enum fate fate, char text[LINK_TEXT_MAX + 1],
                       size_t len)
{
    static const char *const words[] = {LINK_SETTINGS_APPLIED, LINK_SETTINGS_UNCHANGED,
                                        LINK_SETTINGS_RESTART};
    static const char *const phrases[] = {"applied", "unchanged", "needs a restart"};
    char line[1024];
    size_t at = 0;

    len += (size_t)snprintf(text + len, LINK_TEXT_MAX + 1 - len, "%s", words[fate]);
    for (size_t i = 0; i < r->n_settings; i++) {
        if (!has_fate(r, &r->setting[i], fate))
            continue;
        len += (size_t)snprintf(text + len, LINK_TEXT_MAX + 1 - len, " %s", r->setting[i].path);
        if (at < sizeof line)
            at += (size_t)snprintf(line + at, sizeof line - at, "%s%s", at == 0 ? "" : ", ",
                                   r->setting[i].path);
    }
    len += (size_t)snprintf(text + len, LINK_TEXT_MAX + 1 - len, "\n");
    if (at > 0)
        log_info("reload: %s: %s", phrases[fate], line);
    return len;
}

void reload_answer(struct reload *r)
{
    size_t len = 0;

    for (enum fate fate = APPLIED; fate <= RESTART; fate++)
        len = say_fate(r, fate, r->answer, len);
}
