// Text for people: the same data as the JSON, without zero counters.
#include "ctl/show.h"

#include "ctl/member.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

bool show_is_role(FILE *out, const json_t *answer, const char *role)
{
    if (strcmp(member_text(answer, "role"), role) != 0)
        return false;
    fprintf(out, "role       %s\n",
            strcmp(role, "ke") == 0 ? "ke: NTS-KE alone, this host serves no NTP"
                                    : "ntp: NTP alone, this host serves no NTS-KE");
    return true;
}

void show_process(FILE *out, const char *name, const json_t *process)
{
    const json_t *age = json_object_get(process, "heartbeat_age_ms");
    if (!json_is_integer(age)) {
        fprintf(out, "%-10s not started yet\n", name);
        return;
    }
    if (json_integer_value(age) > 2000)
        fprintf(out, "%-10s SILENT for %.1f s, start %" PRId64, name,
                (double)json_integer_value(age) / 1000, member_number(process, "starts"));
    else
        fprintf(out, "%-10s running, start %" PRId64, name, member_number(process, "starts"));
    if (member_number(process, "log_lines_lost") > 0)
        fprintf(out, ", %" PRId64 " lines of log lost", member_number(process, "log_lines_lost"));
    fputc('\n', out);
}

void show_etcd(FILE *out, const json_t *etcd)
{
    const int64_t read_s = member_number(etcd, "read_s");
    if (read_s == 0) {
        fputs("no member of etcd has answered yet\n", out);
        return;
    }
    fprintf(out,
            "the file is %s in etcd, read %" PRId64 " s ago at member %" PRId64
            ", revision %" PRId64 "\n",
            member_number(etcd, "current") != 0 ? "the document" : "NOT the document",
            (int64_t)time(NULL) - read_s, member_number(etcd, "member"),
            member_number(etcd, "revision"));
}

void show_served(FILE *out, const json_t *clock)
{
    if (!member_yes(clock, "serving"))
        fprintf(out, "clock      %s, not fitted yet: requests are dropped\n",
                member_text(clock, "source"));
    else if (json_is_false(json_object_get(clock, "believed")))
        fprintf(
            out,
            "clock      %s, NOT believed: control's line is wrong; served as leap 3, stratum 0\n",
            member_text(clock, "source"));
    else if (!member_yes(clock, "synchronised"))
        fprintf(out, "clock      %s, NOT synchronised: served as leap 3, stratum 0\n",
                member_text(clock, "source"));
    else
        fprintf(out, "clock      %s, stratum %" PRId64 ", reference %s, leap %s\n",
                member_text(clock, "source"), member_number(clock, "stratum"),
                member_text(clock, "reference_id"), member_text(clock, "leap"));
    fprintf(out,
            "           root delay %.6f s, root dispersion %.6f s, line within %" PRId64
            " ns, steps %" PRId64 "\n",
            member_real(clock, "root_delay_s"), member_real(clock, "root_dispersion_s"),
            member_number(clock, "bound_ns"), member_number(clock, "steps"));
}

// Nothing where no port smears leap seconds, or the server is of a version that cannot.
void show_smear(FILE *out, const json_t *clock)
{
    const json_t *smear = json_object_get(clock, "smear_ns");
    if (!json_is_number(smear))
        return;
    fprintf(out, "smear      %+.6f s on ports with `leap: smear`%s%s\n",
            json_number_value(smear) / 1e9,
            member_yes(clock, "smear_lost")
                ? "; LOST: has the clock made the leap second? They say leap 3"
                : "",
            member_yes(clock, "leap_list_bad")
                ? "; the list of leap seconds CANNOT BE READ OR HAS EXPIRED: update tzdata"
                : "");
}

void show_stamp_clocks(FILE *out, const json_t *clocks)
{
    size_t i;
    json_t *clock;
    json_array_foreach(clocks, i, clock)
    {
        if (member_yes(clock, "exact"))
            fprintf(out, "stamps     %s, line within %" PRId64 " ns\n", member_text(clock, "clock"),
                    member_number(clock, "bound_ns"));
        else
            fprintf(out, "stamps     %s, no exact line: frames count as unstamped\n",
                    member_text(clock, "clock"));
    }
}

// The counters of an object that are not zero, and what they mean. A server of another version may
// have counters that this program does not know.
void show_counters(FILE *out, const char *heading, enum metric_place place, const json_t *counters)
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
void show_departures(FILE *out, const json_t *bins)
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
        if (member_number(bin, "count") != 0)
            fprintf(out, "  %-24s %" PRId64 "\n", range, member_number(bin, "count"));
    }
}

// A number with its unit, or that it is not known.
void show_real(FILE *out, const char *what, const json_t *object, const char *name, double scale,
               const char *unit)
{
    const json_t *value = json_object_get(object, name);
    if (json_is_number(value))
        fprintf(out, "%s %.3f %s", what, json_number_value(value) * scale, unit);
    else
        fprintf(out, "%s not known", what);
}
