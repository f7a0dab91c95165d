// noonmarkctl reload.
#include "ctl/client.h"
#include "ctl/every.h"

enum { TIMEOUT_S = 30 }; // the server itself gives the steps of a reload 25 s

static void show_settings(FILE *out, const char *what, const json_t *settings)
{
    for (size_t i = 0; i < json_array_size(settings); i++) {
        const char *name = json_string_value(json_array_get(settings, i));
        fprintf(out, "%s%s", i == 0 ? what : ", ", name != NULL ? name : "?");
    }
    if (json_array_size(settings) > 0)
        putc('\n', out);
}

static void show_reload(const json_t *reload, FILE *out)
{
    show_settings(out, "applied: ", json_object_get(reload, "applied"));
    show_settings(out, "unchanged: ", json_object_get(reload, "unchanged"));
    show_settings(out, "needs a restart: ", json_object_get(reload, "needs_restart"));
}

static int run(const struct call *call)
{
    static const struct request request = {
        "reload", TIMEOUT_S,
        "SIGHUP to the supervisor (kill -HUP, systemctl reload) does the same, and its log has the "
        "answer"};
    return client_run(call, &request, show_reload);
}

const struct command command_reload = {
    .name = "reload",
    .words = "",
    .help = "reads configuration and certificates again; prints what was applied",
    .run = run,
};
