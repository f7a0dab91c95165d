// Reads the command line by the table of options.
#include "perf/load/load.h"
#include "perf/nearest.h"
#include "perf/options_table.h"
#include "perf/profile.h"
#include "perf/words.h"

#include <assert.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EXIT_USAGE = 2,
    OPTIONS_MAX = 96,
    KE_P99_NS = 500000000,
    CLIENTS_LEAST = 64,
    CLIENTS_MOST = 4096,
    CLIENTS_OF_SEARCH = 1024,
};

const char *const command_names[COMMANDS] = {
    [COMMAND_NTS] = "nts", [COMMAND_NTP] = "ntp", [COMMAND_MIX] = "mix", [COMMAND_KE] = "ke"};

// Outside of this range a schedule cannot be calculated.
static bool rate_of(const char *text, double *rate)
{
    double value;
    if (!words_rate(text, &value) || value < 0.001 || value > 1e9)
        return false;
    *rate = value;
    return true;
}

static bool steps_of(const char *text, bool with_pace, struct steps *steps)
{
    char copy[96];
    if (strlen(text) >= sizeof copy)
        return false;
    strcpy(copy, text);
    char *to = strchr(copy, ':');
    if (!to)
        return false;
    *to++ = '\0';
    char *pace = strchr(to, ':');
    if (pace)
        *pace++ = '\0';
    struct steps s = {0};
    if (!rate_of(copy, &s.from) || !rate_of(to, &s.to) || (pace != NULL) != with_pace)
        return false;
    if (pace && *pace == '+' && (!words_rate(pace + 1, &s.add) || s.add <= 0))
        return false;
    if (pace && *pace == 'x' && (!words_rate(pace + 1, &s.factor) || s.factor < 1.001))
        return false;
    if (with_pace && (s.to < s.from || (*pace != '+' && *pace != 'x')))
        return false;
    *steps = s;
    return true;
}

static bool tags_of(const char *text, struct plan *plan)
{
    uint32_t outer, inner = 0;
    char copy[16];
    if (strlen(text) >= sizeof copy)
        return false;
    strcpy(copy, text);
    char *second = strchr(copy, ',');
    if (second)
        *second++ = '\0';
    if (!words_count(copy, 0, 4094, &outer) || (second && !words_count(second, 0, 4094, &inner)))
        return false;
    plan->tag[0] = (uint16_t)outer;
    plan->tag[1] = (uint16_t)inner;
    plan->n_tags = second ? 2 : 1;
    return true;
}

// Stores the value of an option; false when it is not valid.
static bool take(const struct option_row *row, const char *text, struct plan *plan)
{
    void *at = (char *)plan + row->at;
    uint32_t n;
    switch (row->kind) {
    case FLAG:
        *(bool *)at = true;
        return true;
    case RATE:
        return rate_of(text, at);
    case WEIGHT:
        return words_rate(text, at);
    case SPAN:
        return words_time(text, at) && *(uint64_t *)at > 0;
    case SHARE:
        return words_share(text, at);
    case COUNT:
        return words_count(text, row->low, row->high, at);
    case PORT:
        if (!words_count(text, 1, 65535, &n))
            return false;
        *(uint16_t *)at = (uint16_t)n;
        return true;
    case TEXT:
        *(const char **)at = text;
        return *text != '\0';
    case PREFIX:
        return words_prefix(text, at);
    case MAC:
        return plan->has_mac = words_mac(text, at);
    case TAGS:
        return tags_of(text, plan);
    case ONE_IN:
        return strncmp(text, "1/", 2) == 0 && words_count(text + 2, 1, 1e6, at);
    case JAR:
        *(int *)at = LOAD_AUTO;
        if (strcmp(text, "auto") == 0)
            return true;
        if (!words_count(text, 0, CLIENT_JAR - 1, &n))
            return false;
        *(int *)at = (int)n;
        return true;
    case STEPS:
    case RAMP:
        return steps_of(text, row->kind == STEPS, at);
    case OUTPUT:
        *(struct output *)at = (struct output){true, text};
        return text == NULL || *text != '\0';
    default:
        return false;
    }
}

static int complain(const struct plan *plan, const char *what, const char *which,
                    const char *advice)
{
    fprintf(stderr, "ntsperf %s: %s%s; %s\n", command_names[plan->command], which, what, advice);
    return EXIT_USAGE;
}

static int usage_of(const struct plan *plan, const struct option_row *row, const char *text)
{
    char which[160];
    snprintf(which, sizeof which, "--%s %s", row->name, text);
    char advice[200];
    if (row->kind == COUNT)
        snprintf(advice, sizeof advice, "%s is a whole number from %.0f to %.0f", row->argument,
                 row->low, row->high);
    else
        snprintf(advice, sizeof advice, "--%s %s: %s", row->name, row->argument, row->help);
    return complain(plan, ": this value is not valid", which, advice);
}

static void set_defaults(struct plan *plan, enum command command)
{
    *plan = (struct plan){
        .command = command,
        .max_rate = 20e6,
        .bunch = 1,
        .loss = 2,
        .placeholders = LOAD_AUTO,
        .verify = 1,
        .crypto = "auto",
        .ke_port = 4460,
        .threads = 1,
        .open = 1000,
        .core = -1,
    };
}

// Eight cookies per client: enough for more than a fiftieth of a second.
static uint32_t clients_for(double rate)
{
    double wanted = rate / 50;
    return wanted < CLIENTS_LEAST  ? CLIENTS_LEAST
           : wanted > CLIENTS_MOST ? CLIENTS_MOST
                                   : (uint32_t)wanted;
}

// Takes a profile's mix. A profile is one thing under one name, so no share may change it.
static int take_profile(struct plan *plan)
{
    struct profile profile;
    size_t n;
    const char *const *names = profile_names(&n);
    for (unsigned i = 0; i < FLOW_KINDS; i++)
        if (plan->weight[i] > 0)
            return complain(plan, "", "--profile and shares of traffic exclude each other",
                            "leave out one of them");
    if (!profile_find(plan->profile, &profile)) {
        const char *near = nearest_of(plan->profile, names, n);
        char what[NEAREST_HINT_LEN + 64] = ": there is no such profile";
        if (near)
            snprintf(what, sizeof what, ": there is no such profile (did you mean %s?)", near);
        return complain(plan, what, plan->profile, "--profile list prints them");
    }
    memcpy(plan->weight, profile.weight, sizeof plan->weight);
    plan->poisson |= profile.poisson;
    plan->burst_every_ns = profile.burst_every_ns;
    plan->burst_len_ns = profile.burst_len_ns;
    plan->burst_factor = profile.burst_factor;
    return OPTIONS_GO;
}

// Checks the options together and sets what depends on others. EXIT_USAGE when they contradict.
static int settle(struct plan *plan)
{
    bool steps = plan->search || plan->step.from > 0;
    if (plan->search + (plan->step.from > 0) + (plan->ramp.from > 0) > 1)
        return complain(plan, "", "--search, --step and --ramp exclude each other", "give one");
    if (plan->sockets && plan->device)
        return complain(plan, "", "--sockets and --port exclude each other", "give one");
    const struct steps *stairs = &plan->step;
    double n_steps = stairs->factor > 0 ? log(stairs->to / stairs->from) / log(stairs->factor)
                     : stairs->add > 0  ? (stairs->to - stairs->from) / stairs->add
                                        : 0;
    if (n_steps >= STEPS_MAX)
        return complain(plan, "", "--step gives more than 256 steps", "make them larger");
    if (plan->has_mac && !plan->device)
        return complain(plan, "", "--server-mac needs --port",
                        "with sockets the kernel resolves it");
    if (plan->same_clock && plan->device)
        return complain(plan, "", "--same-clock needs kernel sockets",
                        "leave out --port: a device has no timestamps of packets");
    if (plan->spoof.family != 0 && !plan->device)
        return complain(plan, "", "--spoof needs --port",
                        "the kernel sends from its own addresses");
    if (plan->family_4 && plan->family_6)
        return complain(plan, "", "--ipv4 and --ipv6 exclude each other", "give one");
    if (plan->json.wanted && plan->csv.wanted && !plan->json.file && !plan->csv.file)
        return complain(plan, "", "--json and --csv both write to stdout", "give one a =FILE");
    if (plan->rate == 0)
        plan->rate = plan->search ? 1000 : plan->command == COMMAND_KE ? 20 : 100;
    if (plan->search && plan->rate > plan->max_rate)
        return complain(plan, "", "--search starts at --rate, which is above --max-rate",
                        "give a lower --rate or a higher --max-rate");
    if (plan->duration_ns == 0)
        plan->duration_ns = (steps ? UINT64_C(2) : UINT64_C(10)) * 1000000000;
    if (plan->timeout_ns == 0)
        plan->timeout_ns = (plan->command == COMMAND_KE ? UINT64_C(5) : UINT64_C(1)) * 1000000000;
    if (plan->clients == 0)
        plan->clients = steps ? CLIENTS_OF_SEARCH : clients_for(plan->rate);
    if (plan->search && plan->loss > 1 && plan->p99_ns == 0) {
        plan->loss = 0.001;
        // A session that waits in a queue for seconds is not lost, although the server cannot hold
        // the rate.
        plan->p99_ns = plan->command == COMMAND_KE ? KE_P99_NS : 0;
    }
    if (plan->profile && take_profile(plan) != OPTIONS_GO)
        return EXIT_USAGE;
    double shares = 0;
    for (unsigned i = 0; i < FLOW_KINDS; i++)
        shares += plan->weight[i];
    if (plan->command == COMMAND_MIX && shares == 0)
        plan->weight[FLOW_NTS] = 1;
    return OPTIONS_GO;
}

static const struct option_row *row_named(enum command command, const char *name)
{
    const struct option_row *row = option_rows;
    while (!option_is_of(row, command) || row->kind == HEADING || strcmp(row->name, name) != 0)
        row++;
    return row;
}

// A name or an address; an IPv6 address with or without brackets.
static bool take_server(const char *text, struct plan *plan)
{
    size_t len = strlen(text);
    bool bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';
    len -= bracketed ? 2 : 0;
    if (len == 0 || len >= sizeof plan->server)
        return false;
    memcpy(plan->server, text + bracketed, len);
    plan->server[len] = '\0';
    return true;
}

int options_read(struct plan *plan, enum command command, int argc, char **argv)
{
    struct option longs[OPTIONS_MAX] = {0};
    unsigned n = 0;
    set_defaults(plan, command);
    for (const struct option_row *row = option_rows; row->name; row++)
        if (row->kind != HEADING && option_is_of(row, command)) {
            assert(n < OPTIONS_MAX - 1);
            int argument = row->kind == OUTPUT ? optional_argument
                           : row->argument     ? required_argument
                                               : no_argument;
            longs[n++] = (struct option){row->name, argument, NULL, 0};
        }
    int index = -1;
    int got;
    opterr = 0;
    optind = 0; // starts from the first argument, also after an earlier call
    while ((got = getopt_long(argc, argv, ":h", longs, &index)) != -1) {
        if (got == ':')
            return complain(plan, ": the value is missing", argv[optind - 1],
                            "--help lists the options");
        if (got == '?') {
            char letter[] = {'-', (char)optopt, '\0'};
            char hint[NEAREST_HINT_LEN] = "";
            char what[NEAREST_HINT_LEN + 64];
            if (!optopt)
                nearest_option(argv[optind - 1], longs, hint);
            snprintf(what, sizeof what, ": there is no such option, or it takes no value%s", hint);
            return complain(plan, what, optopt ? letter : argv[optind - 1],
                            "--help lists the options");
        }
        const struct option_row *row = row_named(command, got == 'h' ? "help" : longs[index].name);
        if (row->kind == HELP) {
            options_print_help(command);
            return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        if (!take(row, optarg, plan))
            return usage_of(plan, row, optarg);
    }
    if (plan->profile && strcmp(plan->profile, "list") == 0) {
        profile_print_list();
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    if (argc - optind != 1)
        return complain(plan, "",
                        argc == optind ? "SERVER is missing" : "there is more than one SERVER",
                        "give one name or address");
    if (!take_server(argv[optind], plan))
        return complain(plan, ": this is not a server", argv[optind], "give one name or address");
    return settle(plan);
}
