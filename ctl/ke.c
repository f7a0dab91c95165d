// noonmarkctl ke.
#include "ctl/client.h"
#include "ctl/every.h"
#include "ctl/member.h"
#include "ctl/show.h"

#include <inttypes.h>
#include <time.h>

static void show_certificate(const json_t *certificate, FILE *out)
{
    const int64_t left = member_number(certificate, "expires") - (int64_t)time(NULL);
    fprintf(out, "certificate  %s\n             %s, %s, ", member_text(certificate, "chain"),
            member_text(certificate, "subject"), member_text(certificate, "key"));
    if (left < 0)
        fputs("HAS EXPIRED\n", out);
    else
        fprintf(out, "%" PRId64 " days left\n", left / 86400);
}

static void show(const json_t *answer, FILE *out)
{
    const json_t *ke = json_object_get(answer, "ke"), *limits = json_object_get(answer, "limits");
    const int64_t accepted = member_number(ke, "accepted"), open = member_number(ke, "open");
    size_t i;
    json_t *certificate;
    if (show_is_role(out, answer, "ntp"))
        return;
    show_process(out, "ke", json_object_get(answer, "process"));
    fprintf(out,
            "connections  %" PRId64 " open of %" PRId64 " at most, each for at most %.1f s, in "
            "%" PRId64 " threads\n",
            open, member_number(limits, "max_connections"),
            (double)member_number(limits, "deadline_ms") / 1000, member_number(limits, "threads"));
    json_array_foreach(json_object_get(answer, "certificates"), i, certificate)
        show_certificate(certificate, out);
    show_counters(out, "Since the server started", METRIC_KE, ke);
    if (accepted > 0)
        fprintf(out, "\n%.2f %% of the connections got cookies\n",
                100 * (double)member_number(ke, "completed") / (double)accepted);
}

static int run(const struct call *call)
{
    static const struct request request = {"ke", CLIENT_TIMEOUT_S, client_otherwise};
    return client_run(call, &request, show);
}

const struct command command_ke = {
    .name = "ke",
    .words = "",
    .help = "NTS-KE: sessions by outcome, connections, limits, certificates",
    .run = run,
};
