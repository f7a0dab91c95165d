// noonmarkctl status.
#include "ctl/client.h"
#include "ctl/every.h"
#include "ctl/member.h"
#include "ctl/show.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static void show_unserved(FILE *out, const json_t *port)
{
    const char *state = member_text(port, "state");
    fprintf(out, "port       %s: not served", member_text(port, "name"));
    if (strcmp(state, "missing") == 0)
        fputs(", there is no such interface", out);
    else if (strcmp(state, "blocked") == 0)
        fprintf(out, ", the XDP program with id %" PRId64 " is in the way",
                member_number(port, "xdp_program"));
    fputc('\n', out);
}

static void show_ports(FILE *out, const json_t *ports)
{
    size_t i;
    json_t *port;
    json_array_foreach(ports, i, port)
    {
        if (json_is_string(json_object_get(port, "state")) &&
            strcmp(member_text(port, "state"), "open") != 0) {
            show_unserved(out, port);
            continue;
        }
        fprintf(out, "port       %s: %s%s%s, link %s, %s", member_text(port, "name"),
                member_text(port, "driver"), *member_text(port, "mode") != '\0' ? ", " : "",
                member_text(port, "mode"), member_yes(port, "link_up") ? "up" : "down",
                member_text(port, "mac"));
        if (member_number(port, "addresses_not_steered") != 0)
            fprintf(out, ", no room for %" PRId64 " local addresses",
                    member_number(port, "addresses_not_steered"));
        if (member_number(port, "rx_missed") != 0)
            fprintf(out, ", %" PRId64 " frames missed by the device",
                    member_number(port, "rx_missed"));
        fprintf(out, "\n           arrival stamped by: %s", member_text(port, "stamps"));
        if (member_number(port, "unstamped") != 0)
            fprintf(out, "; %" PRId64 " of %" PRId64 " frames without a stamp",
                    member_number(port, "unstamped"),
                    member_number(port, "unstamped") + member_number(port, "stamped"));
        fprintf(out, "\n           departures for interleaved mode: %s",
                member_text(port, "departures"));
        fputc('\n', out);
    }
}

static void show_certificates(FILE *out, const json_t *certificates)
{
    size_t i;
    json_t *certificate;
    json_array_foreach(certificates, i, certificate)
    {
        const int64_t left = member_number(certificate, "expires") - (int64_t)time(NULL);
        if (left < 0)
            fprintf(out, "cert       %s HAS EXPIRED\n", member_text(certificate, "chain"));
        else
            fprintf(out, "cert       %s expires in %" PRId64 " days\n",
                    member_text(certificate, "chain"), left / 86400);
    }
}

static void show_keys(FILE *out, const json_t *keys)
{
    size_t i;
    json_t *key;
    json_array_foreach(keys, i, key)
        fprintf(out, "key        %s %-7s %" PRId64 " s old\n", member_text(key, "id"),
                member_text(key, "role"), member_number(key, "age_s"));
}

static void show_dataplane(FILE *out, const json_t *status)
{
    const json_t *dataplane = json_object_get(status, "dataplane");
    show_process(out, "dataplane", dataplane);
    fprintf(out,
            "           crypto %s, memory %s\n"
            "           the kernel's path: %" PRId64 " requests read, %" PRId64
            " waited too long, %" PRId64 " datagrams discarded\n",
            member_text(dataplane, "crypto"), member_text(dataplane, "memory"),
            member_number(json_object_get(status, "kernel_path"), "frames_received"),
            member_number(dataplane, "kernel_path_stale"),
            member_number(dataplane, "guard_discarded"));
    show_served(out, json_object_get(status, "clock"));
    show_smear(out, json_object_get(status, "clock"));
    show_stamp_clocks(out, json_object_get(status, "stamp_clocks"));
    show_ports(out, json_object_get(status, "ports"));
}

static void show_status(const json_t *status, FILE *out)
{
    fprintf(out, "noonmarkd %s\n\n", member_text(status, "version"));
    const bool no_ntp = show_is_role(out, status, "ke");
    const bool no_ke = !no_ntp && show_is_role(out, status, "ntp");
    if (member_yes(status, "draining"))
        fputs("draining   a stop is planned: the hook was told, requests are still answered\n",
              out);
    show_process(out, "control", json_object_get(status, "control"));
    if (!no_ke)
        show_process(out, "ke", json_object_get(status, "ke_process"));
    if (json_is_object(json_object_get(status, "metrics_process")))
        show_process(out, "metrics", json_object_get(status, "metrics_process"));
    if (json_is_object(json_object_get(status, "etcd_process"))) {
        show_process(out, "etcd", json_object_get(status, "etcd_process"));
        fputs("           ", out);
        show_etcd(out, json_object_get(status, "etcd_process"));
    }
    if (!no_ntp)
        show_dataplane(out, status);
    show_certificates(out, json_object_get(status, "certificates"));
    show_keys(out, json_object_get(status, "keys"));
    if (!no_ntp) {
        show_counters(out, "NTP (all cores and the kernel's path)", METRIC_CORES,
                      json_object_get(status, "counters"));
        show_departures(out, json_object_get(status, "departure_error"));
    }
    if (!no_ke)
        show_counters(out, "NTS-KE", METRIC_KE, json_object_get(status, "ke"));
}

static int run(const struct call *call)
{
    static const struct request request = {"status", CLIENT_TIMEOUT_S, client_otherwise};
    return client_run(call, &request, show_status);
}

const struct command command_status = {
    .name = "status",
    .words = "",
    .help = "counters, cookie keys and their ages, ports, clock, NTS-KE",
    .run = run,
};
