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

static int64_t bin_of(const json_t *times, size_t i)
{
    return member_number(json_array_get(json_object_get(times, "bins"), i), "count");
}

// Both histograms beside each other, without empty rows.
static void show_times(const json_t *sessions, FILE *out)
{
    const json_t *handshake = json_object_get(sessions, "handshake_time");
    const json_t *exchange = json_object_get(sessions, "exchange_time");
    char above[32] = "0";
    size_t i;
    json_t *bin;
    fprintf(out, "\nTime since accepting  %12s %12s\n", "handshake", "exchange");
    json_array_foreach(json_object_get(handshake, "bins"), i, bin)
    {
        const json_t *end = json_object_get(bin, "up_to_ns");
        char range[80];
        if (json_is_integer(end)) {
            const double ms = (double)json_integer_value(end) / 1e6;
            snprintf(range, sizeof range, "%s to %g ms", above, ms);
            snprintf(above, sizeof above, "%g", ms);
        } else {
            snprintf(range, sizeof range, "above %s ms", above);
        }
        if (member_number(bin, "count") != 0 || bin_of(exchange, i) != 0)
            fprintf(out, "  %-19s %12" PRId64 " %12" PRId64 "\n", range,
                    member_number(bin, "count"), bin_of(exchange, i));
    }
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
    const json_t *sessions = json_object_get(answer, "sessions");
    if (accepted > 0)
        fprintf(out, "\n%.2f %% of the connections got cookies; %.0f us of CPU each on average\n",
                100 * (double)member_number(ke, "completed") / (double)accepted,
                (double)member_number(sessions, "cpu_ns") / 1000 / (double)accepted);
    if (sessions != NULL) { // a server of an older version has none
        show_counters(out, "TLS handshakes", METRIC_KE_SESSIONS, sessions);
        show_times(sessions, out);
    }
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
