#include "control/show/reload_report.h"

#include "control/show/json_line.h"
#include "link/link.h"

#include <jansson.h>
#include <string.h>

// The settings in the line of text that begins with that word.
static json_t *settings_of(const char *text, const char *word)
{
    json_t *settings = json_array();
    const size_t len = strlen(word);

    for (const char *line = text; line[0] != '\0';) {
        const size_t line_len = strcspn(line, "\n");
        const char *end = line + line_len;
        if (line_len >= len && memcmp(line, word, len) == 0 &&
            (len == line_len || line[len] == ' '))
            for (const char *at = line + len; at < end;) {
                at += strspn(at, " ");
                const size_t name = strcspn(at, " \n");
                if (name > 0)
                    json_array_append_new(settings, json_stringn(at, name));
                at += name;
            }
        line = *end == '\n' ? end + 1 : end;
    }
    return settings;
}

char *reload_applied(const char *text)
{
    json_t *o = json_object();
    json_object_set_new(o, "applied", settings_of(text, LINK_SETTINGS_APPLIED));
    json_object_set_new(o, "unchanged", settings_of(text, LINK_SETTINGS_UNCHANGED));
    json_object_set_new(o, "needs_restart", settings_of(text, LINK_SETTINGS_RESTART));
    return json_line(o);
}

char *reload_refused(const char *why)
{
    json_t *text = json_string(why); // NULL when a file's name is not UTF-8
    json_t *o = json_object();
    json_object_set_new(o, "refused",
                        text != NULL ? text
                                     : json_string("the reason is no text in UTF-8; see the log"));
    return json_line(o);
}

char *drain_report(bool draining, const char *hook)
{
    json_t *path = hook[0] != '\0' ? json_string(hook) : NULL; // NULL for what is not UTF-8, too
    return json_line(json_pack("{s:b, s:o?}", "draining", draining, "hook", path));
}
