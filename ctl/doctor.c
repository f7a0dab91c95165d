// noonmarkctl doctor: looks, asks the server, examines, prints.
#include "ctl/doctor/doctor.h"

#include "ctl/client.h"
#include "ctl/doctor/look.h"
#include "ctl/every.h"

#include <stdlib.h>
#include <string.h>

// Asks as the machine's configuration says, unless the command line named a socket.
static void ask(const struct call *call, struct machine *m)
{
    static const struct request status = {"status", CLIENT_TIMEOUT_S, client_otherwise};
    static const struct request clock = {"clock", CLIENT_TIMEOUT_S, client_otherwise};
    struct call with = *call;

    if (strcmp(call->socket, COMMAND_SOCKET) == 0 && m->config != NULL)
        with.socket = m->config->control.socket;
    m->status = client_try(&with, &status);
    m->supervisor = client_server();
    if (m->status != NULL)
        m->clock = client_try(&with, &clock);
    if (m->status == NULL || m->clock == NULL)
        m->server_fault = client_fault();
}

static bool print(const struct findings *list, bool as_json)
{
    json_t *object = as_json ? findings_json(list) : NULL;

    if (!as_json)
        findings_show(list, stdout);
    else if (object != NULL)
        client_print(object);
    const bool printed = !list->short_of_memory && (!as_json || object != NULL);
    json_decref(object);
    if (!printed)
        fputs("noonmarkctl: out of memory: not all findings are shown\n", stderr);
    return printed;
}

static int run(const struct call *call)
{
    static struct machine m = {.root = ""}; // static for its size
    struct findings list = {0};

    m.config_path = call->config != NULL ? call->config : CONFIG_DEFAULT_PATH;
    machine_look(&m);
    ask(call, &m);
    doctor_examine(&m, &list);
    const bool good = print(&list, call->json) && findings_count(&list, FINDING_FAULT) == 0;
    findings_free(&list);
    machine_forget(&m);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

const struct command command_doctor = {
    .name = "doctor",
    .words = "",
    .help = "examines this machine and the server; says how to mend what it finds",
    .run = run,
    .options = "config",
};
