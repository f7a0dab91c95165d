// What noonmarkd itself finds in its configuration, and the certificates as they are served.
#include "ctl/doctor/findings_of.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { SOON_S = 14 * 86400, DAY_S = 86400 };

// "noonmarkd: error: TEXT" as a finding; each TEXT says itself how it is mended, behind ';'.
static void take_line(const char *line, size_t len, struct findings *list)
{
    static const struct {
        const char *word;
        enum finding_level level;
    } kinds[] = {{"error: ", FINDING_FAULT}, {"warning: ", FINDING_HINT}};
    static const char refused[] = "clients will refuse it"; // control/ke/tls_chain.c

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *word = memmem(line, len, kinds[i].word, strlen(kinds[i].word));
        if (word == NULL)
            continue;
        const char *text = word + strlen(kinds[i].word), *end = line + len;
        // What only warns at a start, since this machine's clock may be what is wrong.
        const bool lost = memmem(line, len, refused, strlen(refused)) != NULL;
        const char *mend = memmem(text, (size_t)(end - text), "; ", 2);
        finding_add(list, lost ? FINDING_FAULT : kinds[i].level, "%.*s",
                    (int)((mend != NULL ? mend : end) - text), text);
        if (mend != NULL)
            finding_mend(list, "%.*s", (int)(end - mend - 2), mend + 2);
        return;
    }
}

void setup_examine(const struct machine *m, struct findings *list)
{
    if (m->check == NULL) {
        finding_add(list, FINDING_UNSEEN, "users, files, certificates and their keys: %s",
                    m->check_fault != NULL ? m->check_fault : "noonmarkd was not run");
        finding_mend(list, "sudo noonmarkd --check-config -c %s", m->config_path);
        return;
    }
    const size_t faults = findings_count(list, FINDING_FAULT);
    for (const char *line = m->check; *line != '\0';) {
        const size_t len = strcspn(line, "\n");
        take_line(line, len, list);
        line += len + (line[len] == '\n');
    }
    if (m->check_status == 0 && findings_count(list, FINDING_FAULT) == faults)
        finding_add(list, FINDING_OK,
                    "noonmarkd --check-config: users, files, addresses, certificates with their "
                    "chains, dates and keys");
    else if (findings_count(list, FINDING_FAULT) == faults)
        finding_add(list, FINDING_FAULT, "noonmarkd --check-config ended with status %d",
                    m->check_status);
}

// What ke serves now, which a reload may not have changed yet.
void certificates_examine(const struct machine *m, struct findings *list)
{
    size_t i;
    json_t *certificate;
    const time_t now = time(NULL);

    json_array_foreach(json_object_get(m->status, "certificates"), i, certificate)
    {
        const char *chain = json_string_value(json_object_get(certificate, "chain"));
        const int64_t left =
            json_integer_value(json_object_get(certificate, "expires")) - (int64_t)now;
        if (left < 0)
            finding_add(list, FINDING_FAULT, "%s: the certificate that is served has expired",
                        chain != NULL ? chain : "?");
        else if (left < SOON_S)
            finding_add(list, FINDING_HINT,
                        "%s: the certificate that is served expires in %" PRId64 " days",
                        chain != NULL ? chain : "?", left / DAY_S);
        else
            finding_add(list, FINDING_OK,
                        "%s: the certificate that is served expires in %" PRId64 " days",
                        chain != NULL ? chain : "?", left / DAY_S);
        if (left < SOON_S)
            finding_mend(list, "renew it, then noonmarkctl reload");
    }
}
