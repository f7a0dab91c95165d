// noonmarkctl clock.
#include "ctl/client.h"
#include "ctl/every.h"
#include "ctl/member.h"
#include "ctl/show.h"

#include <inttypes.h>
#include <string.h>

static void show_health(FILE *out, const json_t *health)
{
    const char *reason = json_string_value(json_object_get(health, "reason"));
    const char *hook = json_string_value(json_object_get(health, "hook"));
    fprintf(out, "health     %s%s%s%s for %.0f s, %" PRId64 " changes",
            member_text(health, "state"), reason != NULL ? " (" : "", reason != NULL ? reason : "",
            reason != NULL ? ")" : "", member_real(health, "for_s"),
            member_number(health, "changes"));
    if (reason != NULL)
        fprintf(out, "; %s",
                strcmp(member_text(health, "on_unhealthy"), "silent") == 0
                    ? "requests are not answered"
                    : "replies are marked");
    if (hook != NULL)
        fprintf(out, "; the hook was told: %s", hook);
    fputc('\n', out);
}

// The clock of a port's device, when it has one.
static void show_own_clock(FILE *out, const json_t *port)
{
    const json_t *clock = json_object_get(port, "clock");
    if (!json_is_object(clock))
        return;
    fprintf(out, "           its device's clock %s", member_text(clock, "clock"));
    if (json_is_true(json_object_get(clock, "exact"))) {
        fprintf(out, ": within %" PRId64 " ns, %" PRId64 " gates", member_number(clock, "bound_ns"),
                member_number(clock, "gates"));
        fprintf(out, ", keeps %s", member_text(clock, "timescale"));
        show_real(out, ", ahead of UTC by", clock, "offset_s", 1, "s");
        show_real(out, ", faster by", clock, "frequency_ppm", 1, "ppm");
    } else {
        fprintf(out, ": no exact line, so that it stamps no requests");
    }
    fprintf(out, "\n           its stamps: %" PRId64 " frames, %" PRId64 " believed",
            member_number(port, "hardware"), member_number(port, "hardware_believed"));
    if (json_is_number(json_object_get(port, "hardware_coverage")))
        fprintf(out, " (%.3f %% of all)", member_real(port, "hardware_coverage") * 100);
    fprintf(out, "; receive timestamps: %s\n", member_text(port, "receive"));
}

static void show_stamps(FILE *out, const json_t *ports)
{
    size_t i;
    json_t *port;
    json_array_foreach(ports, i, port)
    {
        fprintf(out, "port       %s: arrival stamped by: %s", member_text(port, "name"),
                member_text(port, "stamps"));
        if (json_is_number(json_object_get(port, "coverage")))
            fprintf(out, ", %.3f %% of %" PRId64 " frames", member_real(port, "coverage") * 100,
                    member_number(port, "stamped") + member_number(port, "unstamped"));
        fputc('\n', out);
        show_own_clock(out, port);
    }
}

static void show_clock(const json_t *clock, FILE *out)
{
    if (show_is_role(out, clock, "ke"))
        return;
    show_served(out, json_object_get(clock, "clock"));
    show_smear(out, json_object_get(clock, "clock"));
    show_health(out, json_object_get(clock, "health"));
    show_real(out, "error      at most", clock, "error_bound_s", 1e6, "us");
    show_real(out, ", the line's share", clock, "line_error_ns", 1e-3, "us");
    if (json_is_number(json_object_get(clock, "source_offset_s"))) {
        show_real(out, "\nsource     its clock minus the system's:", clock, "source_offset_s", 1e6,
                  "us");
        show_real(out, ", said", clock, "source_age_s", 1, "s ago");
    }
    show_real(out, "\nfrequency  of UTC against the stamps' clock:", clock, "stamps_frequency_ppm",
              1, "ppm");
    fputc('\n', out);
    show_stamp_clocks(out, json_object_get(clock, "stamp_clocks"));
    show_stamps(out, json_object_get(clock, "ports"));
    if (member_number(clock, "stamps_refused") + member_number(clock, "composed_again") > 0)
        fprintf(out, "           %" PRId64 " stamps refused, %" PRId64 " bursts composed again\n",
                member_number(clock, "stamps_refused"), member_number(clock, "composed_again"));
    show_departures(out, json_object_get(clock, "departure_error"));
}

static int run(const struct call *call)
{
    static const struct request request = {"clock", CLIENT_TIMEOUT_S, client_otherwise};
    return client_run(call, &request, show_clock);
}

const struct command command_clock = {
    .name = "clock",
    .words = "",
    .help = "who says what of the clock, its health, how well times are known",
    .run = run,
};
