// noonmarkctl ports.
#include "ctl/client.h"
#include "ctl/every.h"
#include "ctl/member.h"
#include "ctl/show.h"

#include <inttypes.h>
#include <string.h>

// In a word: how frames come to it.
static const char *mode_of(const json_t *port)
{
    static const struct {
        const char *mode, *word;
    } modes[] = {
        {"XDP native, zero copy", "zero copy"},
        {"XDP native, copy", "copy"},
        {"XDP generic, copy", "generic"},
    };
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(member_text(port, "mode"), modes[i].mode) == 0)
            return modes[i].word;
    if (strcmp(member_text(port, "kind"), "socket") == 0)
        return "socket";
    return strcmp(member_text(port, "kind"), "vdev") == 0 ? "DPDK" : "-";
}

static const char *state_of(const json_t *port)
{
    const char *state = member_text(port, "state");
    if (strcmp(state, "open") == 0)
        return "serving";
    return strcmp(state, "blocked") == 0 ? "blocked by another program" : state;
}

static void show_addresses(const json_t *port, FILE *out)
{
    const json_t *addresses = json_object_get(port, "addresses");
    const int64_t served = member_number(port, "addresses_served");
    const int64_t unseen = served - (int64_t)json_array_size(addresses);
    size_t i;
    json_t *address;
    fprintf(out, "  addresses  %" PRId64, served);
    json_array_foreach(addresses, i, address)
        fprintf(out, "%s%s", i == 0 ? ": " : ", ", json_string_value(address));
    if (unseen > 0)
        fprintf(out, " and %" PRId64 " more", unseen);
    if (member_number(port, "addresses_not_steered") > 0)
        fprintf(out, "; no room for %" PRId64 ", which get no answer",
                member_number(port, "addresses_not_steered"));
    fputc('\n', out);
}

static void show_stamps(const json_t *port, FILE *out)
{
    const int64_t stamped = member_number(port, "stamped");
    const int64_t all = stamped + member_number(port, "unstamped");
    fprintf(out, "  stamps     arrivals by: %s", member_text(port, "stamps"));
    if (all > 0)
        fprintf(out, ", %.3f %% of the frames", 100 * (double)stamped / (double)all);
    if (member_number(port, "hardware") > 0)
        fprintf(out, "; its own clock stamped %" PRId64 ", %" PRId64 " believed",
                member_number(port, "hardware"), member_number(port, "hardware_believed"));
    fprintf(out, "; departures: %s", member_text(port, "departures"));
    if (strcmp(member_text(port, "launch_time"), "no") != 0)
        fprintf(out, "; launch time: %s", member_text(port, "launch_time"));
    fputc('\n', out);
}

static void show_drops(const json_t *port, FILE *out)
{
    const int64_t full = member_number(port, "rx_ring_full");
    fprintf(out,
            "  frames     %" PRId64 " received; dropped: %" PRId64 " ring full, %" PRId64
            " by the device or its driver; %" PRId64 " times no empty buffer, %" PRId64
            " invalid\n",
            member_number(port, "frames_received"), full, member_number(port, "rx_missed") - full,
            member_number(port, "fill_ring_empty"), member_number(port, "rx_invalid"));
}

static void show_port(const json_t *port, FILE *out)
{
    const bool open = strcmp(member_text(port, "state"), "open") == 0;
    fprintf(out, "%-15s %-9s %-9s %6" PRId64 "  %-4s  %-17s  %s\n", member_text(port, "name"),
            member_text(port, "kind"), mode_of(port), member_number(port, "queues"),
            member_yes(port, "link_up") ? "up" : "down", member_text(port, "mac"), state_of(port));
    if (json_is_integer(json_object_get(port, "xdp_program")))
        fprintf(out, "  driver     %s, XDP program %" PRId64 "%s\n", member_text(port, "driver"),
                member_number(port, "xdp_program"), open ? "" : " is in the way");
    else if (open)
        fprintf(out, "  driver     %s\n", member_text(port, "driver"));
    if (!open)
        return;
    show_addresses(port, out);
    if (member_yes(port, "smears"))
        fputs(
            "  leap       SMEARED: its time is not UTC for 24 h around a leap second; its clients "
            "must ask no other servers\n",
            out);
    show_stamps(port, out);
    show_drops(port, out);
}

static void show(const json_t *answer, FILE *out)
{
    const json_t *path = json_object_get(answer, "kernel_path");
    size_t i;
    json_t *port;
    if (show_is_role(out, answer, "ke"))
        return;
    fprintf(out, "%-15s %-9s %-9s %6s  %-4s  %-17s  %s\n", "PORT", "KIND", "MODE", "QUEUES", "LINK",
            "MAC", "STATE");
    json_array_foreach(json_object_get(answer, "ports"), i, port) show_port(port, out);
    fprintf(out, "\nNTP at UDP port %" PRId64, member_number(answer, "udp_port"));
    if (member_number(answer, "nts_port") > 0)
        fprintf(out, "; with NTS alone at UDP port %" PRId64, member_number(answer, "nts_port"));
    fprintf(out,
            "\nthe kernel's path (%s): %" PRId64 " requests read, %" PRId64
            " waited too long, %" PRId64 " datagrams discarded\n",
            member_yes(path, "answers") ? "answers" : "does not answer",
            member_number(path, "requests"), member_number(path, "stale"),
            member_number(path, "discarded"));
}

static int run(const struct call *call)
{
    static const struct request request = {"ports", CLIENT_TIMEOUT_S, client_otherwise};
    return client_run(call, &request, show);
}

const struct command command_ports = {
    .name = "ports",
    .words = "",
    .help = "each port: how frames come, addresses, stamps, what was lost",
    .run = run,
};
