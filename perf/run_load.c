// nts, ntp and mix: sessions first, then the path, then the trials.
#include "perf/ke/ke_fill.h"
#include "perf/ke/ke_refill.h"
#include "perf/load/utc.h"
#include "perf/progress.h"
#include "perf/run.h"
#include "perf/trial.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    SOURCE_PORTS = 16,
    FILL_AT_ONCE = 32,
    REFILL_AT_ONCE = 64,
};

struct run {
    const struct plan *plan;
    struct sockaddr_storage server; // of NTP
    struct ke_target ke;
    struct ke_refill *refill;
    struct clients clients;
    const struct client_variant *crypto[AEAD_ROWS]; // what --crypto names, by AEAD
    struct trial trial;
    struct result result;
    const char *fault; // why a grant is not usable; NULL: none is
    uint64_t filled_ns;
};

static bool needs_keys(const struct plan *plan)
{
    bool needs = plan->command == COMMAND_NTS || plan->victim_rate > 0;
    for (unsigned k = 0; k < FLOW_KINDS && plan->command == COMMAND_MIX; k++)
        needs |= plan->weight[k] > 0 && flow_rows[k].nts;
    return needs && plan->command != COMMAND_NTP;
}

static void equip(struct clients *clients, uint32_t number, const struct ke_grant *grant)
{
    const uint8_t *cookies[KE_GRANT_COOKIES];
    for (unsigned i = 0; i < grant->n_cookies; i++)
        cookies[i] = grant->cookie[i];
    clients_equip(clients, number, grant->c2s, grant->s2c, cookies, grant->n_cookies);
}

// The first session gives the AEAD, the length of cookies and the NTP server.
static void take_first(struct run *run, const struct ke_grant *grant)
{
    const struct plan *plan = run->plan;
    char why[256];
    run->trial.aead = grant->aead;
    run->trial.crypto = run->crypto[grant->aead->row];
    run->result.aead = grant->aead->id;
    run->result.cookie_len = grant->cookie_len;
    if (grant->cookie_len % 4 != 0)
        run->fault = "the server's cookies are not a multiple of four octets, which an extension "
                     "field requires";
    else if (clients_open(&run->clients, plan->clients, grant->cookie_len, plan->reuse) != 0)
        run->fault = "not enough memory for the clients; give fewer --clients";
    else if (grant->server[0] != '\0' &&
             target_resolve(grant->server, AF_UNSPEC, 123, &run->server, why) != 0)
        run->fault = "cannot resolve the NTP server that NTS-KE returned";
    if (plan->udp_port == 0)
        target_set_port(&run->server, grant->port);
}

static void take(void *with, uint32_t i, const struct ke_grant *grant)
{
    struct run *run = with;
    if (i == 0)
        take_first(run, grant);
    if (run->fault)
        return;
    if (grant->cookie_len != run->clients.cookie_len)
        run->fault = "the server's cookies have different lengths";
    else
        equip(&run->clients, i, grant);
}

static void show_fill(void *with, uint32_t granted, uint32_t failed, uint32_t n)
{
    struct run *run = with;
    run->result.sessions = granted;
    run->result.sessions_failed = failed;
    progress_show("NTS-KE: %u of %u sessions, %u failed", granted, n, failed);
}

// Keys for all clients. 0, or -1 with a line on stderr.
static int fill(struct run *run, const struct sockaddr_storage *server)
{
    const struct plan *plan = run->plan;
    char why[512];
    run->ke = (struct ke_target){.address = *server, .ca = plan->ca, .unverified = plan->insecure};
    snprintf(run->ke.server, sizeof run->ke.server, "%s", plan->name ? plan->name : plan->server);
    target_set_port(&run->ke.address, plan->ke_port);
    struct ke_fill_order order = {
        .target = &run->ke,
        .n = plan->clients,
        .concurrency = FILL_AT_ONCE,
        .stop = &run_must_stop,
        .context = run,
        .take = take,
        .progress = show_fill,
    };
    int fault = ke_fill(&order, why);
    progress_clear();
    if (run->fault)
        snprintf(why, sizeof why, "%s: %s", plan->server, run->fault);
    if (fault || run->fault)
        fprintf(stderr, "ntsperf: %s\n", why);
    return fault || run->fault ? -1 : 0;
}

static int open_path(struct run *run)
{
    const struct plan *plan = run->plan;
    char why[256];
    // One call of one socket sends a whole bunch.
    uint32_t ports = plan->source_ports ? plan->source_ports : plan->bunch > 1 ? 1 : SOURCE_PORTS;
    struct path_plan path = {
        .server = run->server,
        .device = plan->device,
        .cpu = plan->core < 0 ? 0 : (uint32_t)plan->core,
        .source = plan->source,
        .spoofed = plan->spoof,
        .first_port = plan->source_port,
        .n_ports = (uint16_t)(ports < plan->clients ? ports : plan->clients),
        .n_tags = plan->n_tags,
        .stamps = plan->same_clock,
        .has_mac = plan->has_mac,
    };
    memcpy(path.tag, plan->tag, sizeof path.tag);
    memcpy(path.mac, plan->mac, sizeof path.mac);
    int fault = plan->device ? path_port_open(&path, &run->trial.path, why)
                             : path_sockets_open(&path, &run->trial.path, why);
    if (fault)
        fprintf(stderr, "ntsperf: %s\n", why);
    return fault;
}

static bool supply_request(void *with, uint32_t client)
{
    return ke_refill_request(((struct run *)with)->refill, client);
}

static void supply_take(void *with, struct clients *clients, void (*equipped)(void *, uint32_t),
                        void *by)
{
    struct run *run = with;
    struct ke_grant grant;
    uint32_t client;
    while (ke_refill_take(run->refill, &client, &grant)) {
        // A cookie of another length does not fit into the jars: the client requests a session
        // again later.
        if (grant.cookie_len == clients->cookie_len) {
            equip(clients, client, &grant);
            run->result.renewed++;
            equipped(by, client);
        } else {
            clients->client[client].renewing = false;
        }
        bytes_wipe(&grant, sizeof grant);
    }
}

static int open_supply(struct run *run)
{
    char why[256];
    if (run->result.aead == 0)
        return 0;
    int fault = ke_refill_start(&run->ke, run->plan->clients, REFILL_AT_ONCE, &run->refill, why);
    if (fault)
        fprintf(stderr, "ntsperf: %s\n", why);
    else
        run->trial.supply = (struct supply){run, supply_request, supply_take};
    return fault;
}

static int try_rate(void *with, double rate, uint64_t duration_ns, struct outcome *outcome)
{
    struct run *run = with;
    const struct plan *plan = run->plan;
    return trial_run(&run->trial, plan->ramp.from > 0 ? plan->ramp.from : rate, rate, duration_ns,
                     outcome);
}

static int seed(struct rng *rng)
{
    uint8_t octets[RNG_SEED_LEN];
    if (getrandom(octets, sizeof octets, 0) != (ssize_t)sizeof octets)
        return -EIO;
    rng_init(rng);
    rng_reseed(rng, octets);
    bytes_wipe(octets, sizeof octets);
    return 0;
}

// Opens everything that a load needs. 0, or -1 with a line on stderr.
static int open_all(struct run *run, const struct sockaddr_storage *server)
{
    const struct plan *plan = run->plan;
    char text[TARGET_TEXT_LEN];
    run->server = *server;
    for (enum aead_row row = 0; row < AEAD_ROWS; row++) {
        run->crypto[row] = client_variant_named(row, plan->crypto);
        if (!run->crypto[row]) {
            fprintf(stderr,
                    "ntsperf: --crypto %s: this machine does not support it; leave out --crypto\n",
                    plan->crypto);
            return -1;
        }
    }
    if (needs_keys(plan) ? fill(run, server) : clients_open(&run->clients, plan->clients, 0, false))
        return -1;
    if (!plan->own_server && !target_is_near(&run->server)) {
        fprintf(stderr,
                "ntsperf: NTS-KE sends its clients to %s, which is neither local nor private; if "
                "it is your server, give --i-own-this-server\n",
                target_text(&run->server, text));
        return -1;
    }
    return open_path(run) || open_supply(run) || seed(&run->trial.rng) ? -1 : 0;
}

static void close_all(struct run *run)
{
    ke_refill_stop(run->refill, NULL, NULL);
    path_close(run->trial.path);
    clients_close(&run->clients);
    rng_wipe(&run->trial.rng);
}

static int load_and_report(struct run *run)
{
    struct result *result = &run->result;
    struct search search = {.trial = try_rate, .with = run};
    result->path = run->trial.path->kind->name;
    result->crypto = result->aead ? run->trial.crypto->name : "";
    result->udp_port = target_port(&run->server);
    target_text(&run->server, result->server);
    result->started_ns = utc_now_ns();
    int fault = run_trials(&search, result);
    result->ended_ns = utc_now_ns();
    result->refused = run->trial.path->refused;
    int status = fault ? EXIT_FAILURE : run_report(result);
    outcome_free(search.best);
    outcome_free(search.last);
    return status;
}

int run_load(const struct plan *plan)
{
    struct sockaddr_storage server;
    struct run *run = calloc(1, sizeof *run);
    if (!run || run_find_server(plan, &server) != 0) {
        free(run);
        return EXIT_FAILURE;
    }
    run->plan = plan;
    run->result.plan = plan;
    run->trial = (struct trial){.plan = plan, .clients = &run->clients, .stop = &run_must_stop};
    int status = open_all(run, &server) == 0 ? load_and_report(run) : EXIT_FAILURE;
    close_all(run);
    free(run);
    return status;
}
