#include "perf/check/check_options.h"

#include "perf/nearest.h"
#include "perf/words.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: ntsperf check [OPTIONS] HOST[:PORT]\n"
    "\n"
    "Checks the health of one NTS server: one NTS-KE session at PORT (default 4460), three NTS\n"
    "requests, one with a spoiled cookie, and one without NTS. The last line is the verdict.\n"
    "\n"
    "      --warning-days N   warn when a certificate expires in fewer days (default 14)\n"
    "      --critical-days N  critical when it expires in fewer days (default 3)\n"
    "      --max-offset TIME  critical when the server's clock and this host's differ by more\n"
    "      --ca FILE          trust these certificates (default: the system's)\n"
    "      --name NAME        the name that the certificate must have (default: HOST)\n"
    "      --ke-port N        TCP port of NTS-KE (default 4460)\n"
    "      --timeout TIME     for NTS-KE, and for each reply (default 5s and 1s)\n"
    "      --id               ask which instance answers, of several at one address (noonmarkd)\n"
    "  -4, --ipv4             use the server's IPv4 address\n"
    "  -6, --ipv6             use the server's IPv6 address\n"
    "      --json             the result as one JSON object\n"
    "      --quiet            only the verdict, with performance data\n"
    "      --help             print this help\n"
    "\n"
    "Exit status, as of a Nagios plugin: 0 ok, 1 warning, 2 critical, 3 unknown or wrong usage.\n"
    "ntsperf(1) has the details.\n";

enum {
    WARNING_DAYS = 256,
    CRITICAL_DAYS,
    MAX_OFFSET,
    CA,
    NAME,
    KE_PORT_OPTION,
    TIMEOUT,
    ID,
    JSON,
    QUIET,
    HELP,
};

static const struct option longs[] = {
    {"warning-days", required_argument, NULL, WARNING_DAYS},
    {"critical-days", required_argument, NULL, CRITICAL_DAYS},
    {"max-offset", required_argument, NULL, MAX_OFFSET},
    {"ca", required_argument, NULL, CA},
    {"name", required_argument, NULL, NAME},
    {"ke-port", required_argument, NULL, KE_PORT_OPTION},
    {"timeout", required_argument, NULL, TIMEOUT},
    {"id", no_argument, NULL, ID},
    {"ipv4", no_argument, NULL, '4'},
    {"ipv6", no_argument, NULL, '6'},
    {"json", no_argument, NULL, JSON},
    {"quiet", no_argument, NULL, QUIET},
    {"help", no_argument, NULL, HELP},
    {0},
};

static int usage(const char *which, const char *what)
{
    fprintf(stderr, "ntsperf check: %s%s; ntsperf check --help lists the options\n", which, what);
    return CHECK_UNKNOWN;
}

static bool port_of(const char *text, uint16_t *port)
{
    uint32_t n;
    if (!words_count(text, 1, 65535, &n))
        return false;
    *port = (uint16_t)n;
    return true;
}

// "name", "name:4460", "192.0.2.1:4460", "2001:db8::1", "[2001:db8::1]:4460".
static bool take_host(const char *text, struct check_plan *plan)
{
    const char *end = text + strlen(text), *port = NULL;
    const char *colon = strchr(text, ':');
    if (*text == '[') {
        const char *bracket = strchr(text, ']');
        if (!bracket || (bracket[1] != '\0' && bracket[1] != ':'))
            return false;
        port = bracket[1] == ':' ? bracket + 2 : NULL;
        text++;
        end = bracket;
    } else if (colon && !strchr(colon + 1, ':')) {
        port = colon + 1;
        end = colon;
    }
    size_t len = (size_t)(end - text);
    if (len == 0 || len >= sizeof plan->host || (port && !port_of(port, &plan->ke_port)))
        return false;
    memcpy(plan->host, text, len);
    plan->host[len] = '\0';
    return true;
}

// Stores an option; false when its value is not valid.
static bool take(int option, const char *text, struct check_plan *plan)
{
    switch (option) {
    case WARNING_DAYS:
        return words_count(text, 0, 36500, &plan->warning_days);
    case CRITICAL_DAYS:
        return words_count(text, 0, 36500, &plan->critical_days);
    case MAX_OFFSET:
        return words_time(text, &plan->max_offset_ns) && plan->max_offset_ns > 0;
    case CA:
        plan->ca = text;
        return *text != '\0';
    case NAME:
        plan->name = text;
        return *text != '\0';
    case KE_PORT_OPTION:
        return port_of(text, &plan->ke_port);
    case TIMEOUT:
        return words_time(text, &plan->timeout_ns) && plan->timeout_ns > 0;
    case ID:
        return plan->asks_id = true;
    case JSON:
        return plan->json = true;
    case QUIET:
        return plan->quiet = true;
    default:
        plan->family = option == '4' ? AF_INET : AF_INET6;
        return true;
    }
}

int check_options_read(struct check_plan *plan, int argc, char **argv)
{
    int option, index = 0;
    *plan = (struct check_plan){
        .ke_port = 4460, .warning_days = 14, .critical_days = 3, .family = AF_UNSPEC};
    optind = 0; // starts from the first argument, also after an earlier call
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":46h", longs, &index)) != -1) {
        if (option == HELP || option == 'h') {
            fputs(help, stdout);
            return fflush(stdout) == 0 ? EXIT_SUCCESS : CHECK_UNKNOWN;
        }
        if (option == ':')
            return usage(argv[optind - 1], ": the value is missing");
        if (option == '?') {
            char hint[NEAREST_HINT_LEN], what[NEAREST_HINT_LEN + 64];
            snprintf(what, sizeof what, ": there is no such option, or it takes no value%s",
                     nearest_option(argv[optind - 1], longs, hint));
            return usage(argv[optind - 1], what);
        }
        if (!take(option, optarg, plan)) {
            char which[160];
            snprintf(which, sizeof which, "--%s %s", longs[index].name, optarg);
            return usage(which, ": this value is not valid");
        }
    }
    if (argc - optind != 1)
        return usage(argc == optind ? "HOST is missing" : "there is more than one HOST", "");
    if (!take_host(argv[optind], plan))
        return usage(argv[optind], ": this is no HOST[:PORT]");
    if (plan->critical_days > plan->warning_days)
        return usage("--critical-days is above --warning-days", "");
    return CHECK_GO;
}
