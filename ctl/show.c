// Text for people: the same data as the JSON, without zero counters.

#include "ctl/show.h"

#include "board/metrics.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value != NULL ? value : "?";
}

static int64_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static double real(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static bool yes(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

static void show_process(FILE *out, const char *name, const json_t *process)
{
    const json_t *age = json_object_get(process, "heartbeat_age_ms");
    if (!json_is_integer(age)) {
        fprintf(out, "%-10s not started yet\n", name);
        return;
    }
    if (json_integer_value(age) > 2000)
        fprintf(out, "%-10s SILENT for %.1f s, start %" PRId64, name,
                (double)json_integer_value(age) / 1000, number(process, "starts"));
    else
        fprintf(out, "%-10s running, start %" PRId64, name, number(process, "starts"));
    if (number(process, "log_lines_lost") > 0)
        fprintf(out, ", %" PRId64 " lines of log lost", number(process, "log_lines_lost"));
    fputc('\n', out);
}

static void show_served(FILE *out, const json_t *clock)
{
    if (!yes(clock, "serving"))
        fprintf(out, "clock      %s, not fitted yet: requests are dropped\n",
                text(clock, "source"));
    else if (json_is_false(json_object_get(clock, "believed")))
        fprintf(
            out,
            "clock      %s, NOT believed: control's line is wrong; served as leap 3, stratum 0\n",
            text(clock, "source"));
    else if (!yes(clock, "synchronised"))
        fprintf(out, "clock      %s, NOT synchronised: served as leap 3, stratum 0\n",
                text(clock, "source"));
    else
        fprintf(out, "clock      %s, stratum %" PRId64 ", reference %s, leap %s\n",
                text(clock, "source"), number(clock, "stratum"), text(clock, "reference_id"),
                text(clock, "leap"));
    fprintf(out,
            "           root delay %.6f s, root dispersion %.6f s, line within %" PRId64
            " ns, steps %" PRId64 "\n",
            real(clock, "root_delay_s"), real(clock, "root_dispersion_s"),
            number(clock, "bound_ns"), number(clock, "steps"));
}

static void show_stamp_clocks(FILE *out, const json_t *clocks)
{
    size_t i;
    json_t *clock;
    json_array_foreach(clocks, i, clock)
    {
        if (yes(clock, "exact"))
            fprintf(out, "stamps     %s, line within %" PRId64 " ns\n", text(clock, "clock"),
                    number(clock, "bound_ns"));
        else
            fprintf(out, "stamps     %s, no exact line: frames count as unstamped\n",
                    text(clock, "clock"));
    }
}

static void show_unserved(FILE *out, const json_t *port)
{
    const char *state = text(port, "state");
    fprintf(out, "port       %s: not served", text(port, "name"));
    if (strcmp(state, "missing") == 0)
        fputs(", there is no such interface", out);
    else if (strcmp(state, "blocked") == 0)
        fprintf(out, ", the XDP program with id %" PRId64 " is in the way",
                number(port, "xdp_program"));
    fputc('\n', out);
}

static void show_ports(FILE *out, const json_t *ports)
{
    size_t i;
    json_t *port;
    json_array_foreach(ports, i, port)
    {
        if (json_is_string(json_object_get(port, "state")) &&
            strcmp(text(port, "state"), "open") != 0) {
            show_unserved(out, port);
            continue;
        }
        fprintf(out, "port       %s: %s%s%s, link %s, %s", text(port, "name"), text(port, "driver"),
                *text(port, "mode") != '\0' ? ", " : "", text(port, "mode"),
                yes(port, "link_up") ? "up" : "down", text(port, "mac"));
        if (number(port, "addresses_not_steered") != 0)
            fprintf(out, ", no room for %" PRId64 " local addresses",
                    number(port, "addresses_not_steered"));
        if (number(port, "rx_missed") != 0)
            fprintf(out, ", %" PRId64 " frames missed by the device", number(port, "rx_missed"));
        fprintf(out, "\n           arrival stamped by: %s", text(port, "stamps"));
        if (number(port, "unstamped") != 0)
            fprintf(out, "; %" PRId64 " of %" PRId64 " frames without a stamp",
                    number(port, "unstamped"), number(port, "unstamped") + number(port, "stamped"));
        fprintf(out, "\n           departures for interleaved mode: %s", text(port, "departures"));
        fputc('\n', out);
    }
}

static void show_certificates(FILE *out, const json_t *certificates)
{
    size_t i;
    json_t *certificate;
    json_array_foreach(certificates, i, certificate)
    {
        const int64_t left = number(certificate, "expires") - (int64_t)time(NULL);
        if (left < 0)
            fprintf(out, "cert       %s HAS EXPIRED\n", text(certificate, "chain"));
        else
            fprintf(out, "cert       %s expires in %" PRId64 " days\n", text(certificate, "chain"),
                    left / 86400);
    }
}

static void show_keys(FILE *out, const json_t *keys)
{
    size_t i;
    json_t *key;
    json_array_foreach(keys, i, key)
        fprintf(out, "key        %s %-7s %" PRId64 " s old\n", text(key, "id"), text(key, "role"),
                number(key, "age_s"));
}

// The counters of an object that are not zero, and what they mean. A server of another version may
// have counters that this program does not know.
static void show_counters(FILE *out, const char *heading, enum metric_place place,
                          const json_t *counters)
{
    fprintf(out, "\n%s\n", heading);
    const char *name;
    json_t *value;
    bool any = false;
    json_object_foreach((json_t *)(uintptr_t)counters, name, value)
    {
        if (json_integer_value(value) == 0)
            continue;
        const struct metric *metric = metric_named(place, name);
        const bool known = metric != NULL;
        fprintf(out, "  %-20s %12" PRId64 "%s%s\n", name, (int64_t)json_integer_value(value),
                known ? "  " : "", known ? metric->help : "");
        any = true;
    }
    if (!any)
        fputs("  nothing counted yet\n", out);
}

// The histogram of departure errors (see board/counters.h), without empty bins.
static void show_departures(FILE *out, const json_t *bins)
{
    size_t i;
    json_t *bin;
    char above[32] = "";
    fputs("\nDeparture error: how much later than it left a reply said that it left\n"
          "(the last one of each send call, as near as the port can tell)\n",
          out);
    json_array_foreach(bins, i, bin)
    {
        const json_t *end = json_object_get(bin, "up_to_ns");
        char range[80];
        if (json_is_integer(end)) {
            snprintf(range, sizeof range, "%s%s%.2f us", above, *above != '\0' ? " to " : "up to ",
                     (double)json_integer_value(end) / 1000);
            snprintf(above, sizeof above, "%.2f", (double)json_integer_value(end) / 1000);
        } else {
            snprintf(range, sizeof range, "above %s us", above);
        }
        if (number(bin, "count") != 0)
            fprintf(out, "  %-24s %" PRId64 "\n", range, number(bin, "count"));
    }
}

void show_status(const json_t *status, FILE *out)
{
    const json_t *dataplane = json_object_get(status, "dataplane");
    fprintf(out, "noonmarkd %s\n\n", text(status, "version"));
    show_process(out, "control", json_object_get(status, "control"));
    show_process(out, "ke", json_object_get(status, "ke_process"));
    if (json_is_object(json_object_get(status, "metrics_process")))
        show_process(out, "metrics", json_object_get(status, "metrics_process"));
    show_process(out, "dataplane", dataplane);
    fprintf(out,
            "           crypto %s, memory %s\n"
            "           the kernel's path: %" PRId64 " requests read, %" PRId64
            " waited too long, %" PRId64 " datagrams discarded\n",
            text(dataplane, "crypto"), text(dataplane, "memory"),
            number(json_object_get(status, "kernel_path"), "frames_received"),
            number(dataplane, "kernel_path_stale"), number(dataplane, "guard_discarded"));
    show_served(out, json_object_get(status, "clock"));
    show_stamp_clocks(out, json_object_get(status, "stamp_clocks"));
    show_ports(out, json_object_get(status, "ports"));
    show_certificates(out, json_object_get(status, "certificates"));
    show_keys(out, json_object_get(status, "keys"));
    show_counters(out, "NTP (all cores and the kernel's path)", METRIC_CORES,
                  json_object_get(status, "counters"));
    show_departures(out, json_object_get(status, "departure_error"));
    show_counters(out, "NTS-KE", METRIC_KE, json_object_get(status, "ke"));
}

// A number with its unit, or that it is not known.
static void show_real(FILE *out, const char *what, const json_t *object, const char *name,
                      double scale, const char *unit)
{
    const json_t *value = json_object_get(object, name);
    if (json_is_number(value))
        fprintf(out, "%s %.3f %s", what, json_number_value(value) * scale, unit);
    else
        fprintf(out, "%s not known", what);
}

static void show_health(FILE *out, const json_t *health)
{
    const char *reason = json_string_value(json_object_get(health, "reason"));
    const char *hook = json_string_value(json_object_get(health, "hook"));
    fprintf(out, "health     %s%s%s%s for %.0f s, %" PRId64 " changes", text(health, "state"),
            reason != NULL ? " (" : "", reason != NULL ? reason : "", reason != NULL ? ")" : "",
            real(health, "for_s"), number(health, "changes"));
    if (reason != NULL)
        fprintf(out, "; %s",
                strcmp(text(health, "on_unhealthy"), "silent") == 0 ? "requests are not answered"
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
    fprintf(out, "           its device's clock %s", text(clock, "clock"));
    if (json_is_true(json_object_get(clock, "exact"))) {
        fprintf(out, ": within %" PRId64 " ns, %" PRId64 " gates", number(clock, "bound_ns"),
                number(clock, "gates"));
        fprintf(out, ", keeps %s", text(clock, "timescale"));
        show_real(out, ", ahead of UTC by", clock, "offset_s", 1, "s");
        show_real(out, ", faster by", clock, "frequency_ppm", 1, "ppm");
    } else {
        fprintf(out, ": no exact line, so that it stamps no requests");
    }
    fprintf(out, "\n           its stamps: %" PRId64 " frames, %" PRId64 " believed",
            number(port, "hardware"), number(port, "hardware_believed"));
    if (json_is_number(json_object_get(port, "hardware_coverage")))
        fprintf(out, " (%.3f %% of all)", real(port, "hardware_coverage") * 100);
    fprintf(out, "; receive timestamps: %s\n", text(port, "receive"));
}

static void show_stamps(FILE *out, const json_t *ports)
{
    size_t i;
    json_t *port;
    json_array_foreach(ports, i, port)
    {
        fprintf(out, "port       %s: arrival stamped by: %s", text(port, "name"),
                text(port, "stamps"));
        if (json_is_number(json_object_get(port, "coverage")))
            fprintf(out, ", %.3f %% of %" PRId64 " frames", real(port, "coverage") * 100,
                    number(port, "stamped") + number(port, "unstamped"));
        fputc('\n', out);
        show_own_clock(out, port);
    }
}

void show_clock(const json_t *clock, FILE *out)
{
    show_served(out, json_object_get(clock, "clock"));
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
    if (number(clock, "stamps_refused") + number(clock, "composed_again") > 0)
        fprintf(out, "           %" PRId64 " stamps refused, %" PRId64 " bursts composed again\n",
                number(clock, "stamps_refused"), number(clock, "composed_again"));
    show_departures(out, json_object_get(clock, "departure_error"));
}

static void show_settings(FILE *out, const char *what, const json_t *settings)
{
    for (size_t i = 0; i < json_array_size(settings); i++) {
        const char *name = json_string_value(json_array_get(settings, i));
        fprintf(out, "%s%s", i == 0 ? what : ", ", name != NULL ? name : "?");
    }
    if (json_array_size(settings) > 0)
        putc('\n', out);
}

void show_reload(const json_t *reload, FILE *out)
{
    show_settings(out, "applied: ", json_object_get(reload, "applied"));
    show_settings(out, "unchanged: ", json_object_get(reload, "unchanged"));
    show_settings(out, "needs a restart: ", json_object_get(reload, "needs_restart"));
}
