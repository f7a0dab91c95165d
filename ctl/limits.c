// noonmarkctl limits.
#include "ctl/client.h"
#include "ctl/every.h"
#include "ctl/member.h"
#include "ctl/show.h"

#include <inttypes.h>

static void show_rate(const char *name, const json_t *rate, FILE *out)
{
    const int64_t per_second = member_number(rate, "per_second");
    if (per_second == 0)
        fprintf(out, "%-9s no limit", name);
    else
        fprintf(out, "%-9s %" PRId64 " a second, %" PRId64 " at once", name, per_second,
                member_number(rate, "burst"));
}

static void show_overload(const json_t *answer, bool on, FILE *out)
{
    static const char *const rungs[] = {
        "no pressure",
        "rung 1 now: no kisses, no NAKs",
        "rung 2 now: of the counted sources' requests without NTS, only the leak is answered",
        "rung 3 now: of all requests without NTS, a share is answered",
    };
    const int64_t rung = member_number(answer, "overload_rung");
    fprintf(out, "overload  %s\n", !on ? "off" : rungs[rung > 0 && rung <= 3 ? rung : 0]);
}

static void show_settings(const json_t *answer, const json_t *s, FILE *out)
{
    const double share = member_real(s, "nak_share");
    show_rate("plain", json_object_get(s, "plain"), out);
    fprintf(out, "; above it %.0f %% are answered%s\n", 100 * member_real(s, "leak"),
            member_yes(s, "kod") ? ", and some get a RATE kiss" : "");
    show_rate("session", json_object_get(s, "session"), out);
    if (share < 1)
        fprintf(out, "\nNAKs      %.0f a second of a core\n", share * 1e6);
    else
        fputs("\nNAKs      no limit\n", out);
    show_overload(answer, member_yes(s, "overload"), out);
    if (member_yes(s, "dry_run"))
        fputs("dry run   nothing is dropped; the list shows what would be\n", out);
}

static void show(const json_t *answer, FILE *out)
{
    const json_t *refused = json_object_get(answer, "refused");
    size_t i;
    json_t *one;
    if (show_is_role(out, answer, "ke"))
        return;
    show_settings(answer, json_object_get(answer, "settings"), out);
    if (json_array_size(refused) == 0) {
        fputs("\nnobody was refused in the last minute, or too little to be noticed\n", out);
        return;
    }
    fprintf(out, "\n%-43s %-8s %12s  %8s  %s\n", "SOURCE", "LIMIT", "REFUSED", "LAST", "CPU");
    json_array_foreach(refused, i, one)
    {
        fprintf(out, "%-43s %-8s %12" PRId64 "  %6.1f s  ", member_text(one, "source"),
                member_text(one, "limit"), member_number(one, "refused"),
                member_real(one, "seconds_ago"));
        if (json_is_integer(json_object_get(one, "cpu")))
            fprintf(out, "%" PRId64 "\n", member_number(one, "cpu"));
        else
            fputs("kernel's path\n", out);
    }
}

static int run(const struct call *call)
{
    static const struct request request = {"limits", CLIENT_TIMEOUT_S, client_otherwise};
    return client_run(call, &request, show);
}

const struct command command_limits = {
    .name = "limits",
    .words = "",
    .help = "the limits, how overloaded the cores are, and whom they refuse now",
    .run = run,
};
