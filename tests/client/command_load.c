// ntsprobe load: many clients at a steady rate, every reply verified.
//
//   --clients N            key pairs, each by an NTS-KE exchange of its own (1000)
//   --rate N               requests a second, all together (10000; at most 20000)
//   --seconds S            (10; at most 120)
//   --sockets N            (16)
//   --ntp-address A --ntp-port N   instead of what NTS-KE said
//   --late MS              an answer after that counts as late, too (1000)
//   --linger MS            wait for answers at the end (1000)
//   --hold                 once ready, wait for a line on stdin
//   --progress             a line a second to stderr
//
// Prints {"ready":true,...} when all have their keys, and the report at the end. Exit status 0 when
// it ran, whatever it found. SIGTERM ends the load early.
#include "tests/client/commands.h"
#include "tests/client/load.h"
#include "tests/client/octets.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t stop;

static void end_early(int number)
{
    (void)number;
    stop = 1;
}

enum {
    CLIENTS = OPTION_OWN,
    RATE,
    SECONDS,
    SOCKETS,
    NTP_ADDRESS,
    NTP_PORT,
    LATE,
    LINGER,
    HOLD,
    PROGRESS,
};

static const struct option options[] = {
    COMMON_OPTIONS,
    {"clients", required_argument, NULL, CLIENTS},
    {"rate", required_argument, NULL, RATE},
    {"seconds", required_argument, NULL, SECONDS},
    {"sockets", required_argument, NULL, SOCKETS},
    {"ntp-address", required_argument, NULL, NTP_ADDRESS},
    {"ntp-port", required_argument, NULL, NTP_PORT},
    {"late", required_argument, NULL, LATE},
    {"linger", required_argument, NULL, LINGER},
    {"hold", no_argument, NULL, HOLD},
    {"progress", no_argument, NULL, PROGRESS},
    {0},
};

struct orders {
    struct ke_plan ke;
    const char *ntp_address;
    uint16_t ntp_port;
    bool hold;
    struct load_plan load;
};

static unsigned bounded(const char *value, unsigned most)
{
    unsigned long n = strtoul(value, NULL, 10);
    return n == 0 ? 1 : n > most ? most : (unsigned)n;
}

static bool own_option(int option, const char *value, struct orders *o)
{
    switch (option) {
    case CLIENTS:
        o->load.n_clients = bounded(value, LOAD_CLIENTS_MAX);
        return true;
    case RATE:
        o->load.rate = bounded(value, LOAD_RATE_MAX);
        return true;
    case SECONDS:
        o->load.seconds = atof(value) > LOAD_SECONDS_MAX ? LOAD_SECONDS_MAX : atof(value);
        return true;
    case SOCKETS:
        o->load.n_sockets = bounded(value, LOAD_SOCKETS_MAX);
        return true;
    case NTP_ADDRESS:
        o->ntp_address = value;
        return true;
    case NTP_PORT:
        o->ntp_port = (uint16_t)atoi(value);
        return true;
    case LATE:
        o->load.late_ms = (unsigned)atoi(value);
        return true;
    case LINGER:
        o->load.linger_ms = (unsigned)atoi(value);
        return true;
    case HOLD:
        o->hold = true;
        return true;
    case PROGRESS:
        o->load.progress = true;
        return true;
    default:
        return false;
    }
}

// Keys and a jar of cookies for each client; where NTP is, from the last answer.
static bool agree(struct orders *o, double *ke_seconds)
{
    static struct ke_result ke;
    uint64_t start = now_ns();
    for (unsigned i = 0; i < o->load.n_clients; i++) {
        struct load_client *c = &o->load.client[i];
        ke_run(&o->ke, &ke);
        if (!ke_succeeded(&ke) || ke.cookie_len[0] > LOAD_COOKIE_MAX) {
            ke_print(stdout, &ke);
            return false;
        }
        memcpy(c->c2s, ke.c2s, SEAL_KEY_LEN);
        memcpy(c->s2c, ke.s2c, SEAL_KEY_LEN);
        c->cookie_len = ke.cookie_len[0];
        for (unsigned j = 0; j < ke.n_cookies && j < LOAD_JAR; j++)
            memcpy(c->jar[c->n_cookies++], ke.cookie[j], c->cookie_len);
    }
    *ke_seconds = (double)(now_ns() - start) / 1e9;
    const char *address = o->ntp_address != NULL ? o->ntp_address
                          : ke.server[0] != '\0' ? ke.server
                                                 : o->ke.address;
    uint16_t port = o->ntp_port != 0 ? o->ntp_port : ke.ntp_port != 0 ? ke.ntp_port : 123;
    return ke_address(address, port, &o->load.server, &o->load.server_len);
}

static void print(const struct load_report *r, const struct load_plan *plan)
{
    printf("{\"clients\":%u,\"sent\":%lu,\"answered\":%lu,\"verified\":%lu,\"nak\":%lu,"
           "\"kiss\":%lu,\"plain\":%lu,\"wrong\":%lu,",
           plan->n_clients, r->sent, r->answered, r->verified, r->nak, r->kiss, r->plain, r->wrong);
    text_print(stdout, "why", r->why);
    printf(",\"late\":%lu,\"lost\":%lu,\"stray\":%lu,\"reused\":%lu,\"unsent\":%lu,"
           "\"refused\":%lu,\"own_drops\":%lu,\"cookies\":%lu,",
           r->late, r->lost, r->stray, r->reused, r->unsent, r->refused, r->own_drops, r->cookies);
    printf("\"keys\":%u,\"gap_ms\":%.1f,\"gap_at_s\":%.2f,\"seconds\":%.2f,\"rate\":%.0f,"
           "\"latency_us\":{\"median\":%u,\"p99\":%u,\"max\":%u}}\n",
           r->n_keys, r->gap_ms, r->gap_at_s, r->seconds, (double)r->sent / r->seconds,
           r->median_us, r->p99_us, r->max_us);
    fflush(stdout);
}

int command_load(int argc, char **argv)
{
    static struct orders o;
    static struct load_report report;
    o.ke = ke_plan_plain();
    o.load = (struct load_plan){.n_clients = 1000,
                                .rate = 10000,
                                .seconds = 10,
                                .n_sockets = 16,
                                .late_ms = 1000,
                                .linger_ms = 1000,
                                .stop = &stop};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option >= OPTION_ADDRESS && option < OPTION_COMMON_END)
            common_option(option, optarg, &o.ke);
        else if (!own_option(option, optarg, &o))
            return 2;
    }
    if (optind != argc || o.ke.address == NULL)
        return 2;
    o.load.client = calloc(o.load.n_clients, sizeof *o.load.client);
    double ke_seconds;
    if (o.load.client == NULL || !agree(&o, &ke_seconds))
        return 1;
    printf("{\"ready\":true,\"clients\":%u,\"ke_seconds\":%.2f}\n", o.load.n_clients, ke_seconds);
    fflush(stdout);
    signal(SIGTERM, end_early);
    for (int c = 0; o.hold && c != '\n' && c != EOF;)
        c = getchar();
    int rc = load_run(&o.load, &report);
    if (rc == 0)
        print(&report, &o.load);
    else
        fprintf(stderr, "load: %s\n", strerror(-rc));
    free(o.load.client);
    return rc == 0 ? 0 : 1;
}
