// A small NTP client over path_port: sends requests to a server from all endpoints of a plan in
// turn, a burst at a time, and prints what came back as one line of JSON.
//
//   path_client DEVICE SERVER [key=value]...
//
// source=, spoof= (prefixes), addresses=, ports=, first=, tag= (again: the inner one), mac=, n=
// (requests), window= (on their way at most), flood= (spoofed ones besides each), linger= (seconds
// that it answers its neighbours on, after the last reply), seconds= (stops there)
#include "base/bytes.h"
#include "base/log.h"
#include "perf/path/path.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NTP_LEN = 48 };
static const double QUIET_S = 0.5; // then nothing more will come

static struct path_plan plan = {.n_ports = 1, .cpu = 0};
static uint32_t n_wanted = 1000;
static uint32_t window = 256;
static uint32_t n_flood;
static double linger_s;
static double limit_s = 5;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void usage(const char *what)
{
    fprintf(stderr, "path_client: %s\n", what);
    exit(2);
}

static struct path_prefix prefix_of(const char *text)
{
    char address[64];
    struct path_prefix prefix = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};
    snprintf(address, sizeof address, "%.*s", (int)strcspn(text, "/"), text);
    const char *slash = strchr(text, '/');
    prefix.len = (uint8_t)(slash ? atoi(slash + 1) : prefix.family == AF_INET ? 32 : 128);
    if (inet_pton(prefix.family, address, prefix.octets) != 1)
        usage(text);
    return prefix;
}

static void set_server(const char *text)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&plan.server;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&plan.server;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(123);
    } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(123);
    } else {
        usage(text);
    }
}

static void set_mac(const char *text)
{
    uint8_t *m = plan.mac;
    plan.has_mac = true;
    if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6)
        usage(text);
}

static void set(const char *option)
{
    const char *value = strchr(option, '=');
    if (!value)
        usage(option);
    size_t len = (size_t)(value++ - option);
    const struct {
        const char *key;
        uint32_t *number;
    } numbers[] = {{"addresses", &plan.n_addresses},
                   {"n", &n_wanted},
                   {"window", &window},
                   {"flood", &n_flood},
                   {"cpu", &plan.cpu}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strlen(numbers[i].key) == len && strncmp(option, numbers[i].key, len) == 0) {
            *numbers[i].number = (uint32_t)strtoul(value, NULL, 10);
            return;
        }
    }
    if (strncmp(option, "source=", 7) == 0)
        plan.source = prefix_of(value);
    else if (strncmp(option, "spoof=", 6) == 0)
        plan.spoofed = prefix_of(value);
    else if (strncmp(option, "ports=", 6) == 0)
        plan.n_ports = (uint16_t)atoi(value);
    else if (strncmp(option, "first=", 6) == 0)
        plan.first_port = (uint16_t)atoi(value);
    else if (strncmp(option, "tag=", 4) == 0 && plan.n_tags < PATH_TAGS_MAX)
        plan.tag[plan.n_tags++] = (uint16_t)atoi(value);
    else if (strncmp(option, "mac=", 4) == 0)
        set_mac(value);
    else if (strncmp(option, "linger=", 7) == 0)
        linger_s = atof(value);
    else if (strncmp(option, "seconds=", 8) == 0)
        limit_s = atof(value);
    else
        usage(option);
}

static struct {
    uint32_t *of_endpoint; // replies
    uint64_t sent, flooded, good, bad;
} seen;

// A plain request whose transmit timestamp names the endpoint, so that the reply's origin must.
static void write_request(uint8_t *payload, uint32_t endpoint)
{
    memset(payload, 0, NTP_LEN);
    payload[0] = 0x23;
    be64_put(payload + 40, UINT64_C(0x6e6d000000000000) | endpoint);
}

static void send_some(struct path *path, unsigned n)
{
    static struct path_out out;
    n = path_lease(path, &out, n);
    for (unsigned i = 0; i < n; i++) {
        bool spoofed = n_flood > 0 && (seen.sent + i) % (n_flood + 1) != 0;
        out.endpoint[i] = (uint32_t)((seen.sent + i) / (n_flood + 1) % path->n_endpoints);
        if (spoofed)
            out.endpoint[i] = PATH_SPOOFED | (uint32_t)((seen.sent + i) & ~PATH_SPOOFED);
        seen.flooded += spoofed;
        out.len[i] = NTP_LEN;
        write_request(out.payload[i], out.endpoint[i]);
    }
    seen.sent += n;
    for (unsigned at = 0; at < n;)
        at += path_send(path, &out, at, n - at);
}

static void receive_some(struct path *path)
{
    struct path_in in;
    unsigned n = path_receive(path, &in);
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *reply = in.payload[i];
        bool good = in.len[i] == NTP_LEN && (reply[0] & 7) == 4 &&
                    be64_get(reply + 24) == (UINT64_C(0x6e6d000000000000) | in.endpoint[i]);
        seen.good += good;
        seen.bad += !good;
        if (good)
            seen.of_endpoint[in.endpoint[i]]++;
    }
    path_release(path, &in, n);
}

// Sends until all is answered, or nothing comes any more. How long it took to the last reply.
static double exchange_all(struct path *path)
{
    double begun = now(), last = begun;
    uint64_t wanted = (uint64_t)n_wanted * (n_flood + 1);
    for (uint64_t before = 0; seen.good + seen.bad < n_wanted; before = seen.good) {
        uint64_t requested = seen.sent - seen.flooded;
        bool all_sent = seen.sent == wanted;
        if (!all_sent && requested - seen.good < window)
            send_some(path, wanted - seen.sent < LANES ? (unsigned)(wanted - seen.sent) : LANES);
        receive_some(path);
        double at = now();
        if (seen.good != before)
            last = at;
        else if (at - last > 0.01 && requested - seen.good >= window)
            window += LANES; // what was lost does not stop the rest
        if (at - begun > limit_s || (all_sent && at - last > QUIET_S))
            break;
    }
    return last - begun;
}

struct run {
    struct path *path;
    double *took;
};

static void *run_all(void *with)
{
    struct run *run = with;
    cpu_set_t cpu;
    CPU_ZERO(&cpu);
    CPU_SET(plan.cpu, &cpu);
    pthread_setaffinity_np(pthread_self(), sizeof cpu, &cpu); // or wherever it may run
    *run->took = exchange_all(run->path);
    for (double end = now() + (linger_s > 0 ? linger_s : 0.01); now() < end;)
        receive_some(run->path);
    return NULL;
}

int main(int argc, char **argv)
{
    log_open("path_client");
    log_set_level("warning");
    if (argc < 3)
        usage("path_client DEVICE SERVER [key=value]...");
    plan.device = argv[1];
    set_server(argv[2]);
    for (int i = 3; i < argc; i++)
        set(argv[i]);

    char why[256];
    struct path *path;
    int fault = path_port_open(&plan, &path, why);
    if (fault) {
        for (char *at = why; (at = strchr(at, '"')) != NULL;)
            *at = '\''; // JSON's own
        printf("{\"fault\": %d, \"why\": \"%s\"}\n", -fault, why);
        return 1;
    }
    seen.of_endpoint = calloc(path->n_endpoints, sizeof *seen.of_endpoint);
    // The path is used by another thread than the one that opens it, as in ntsperf.
    pthread_t thread;
    double took;
    struct run run = {.path = path, .took = &took};
    if (pthread_create(&thread, NULL, run_all, &run) != 0 || pthread_join(thread, NULL) != 0)
        return 1;
    uint32_t silent = 0, most = 0;
    for (uint32_t i = 0; i < path->n_endpoints; i++) {
        silent += seen.of_endpoint[i] == 0;
        most = seen.of_endpoint[i] > most ? seen.of_endpoint[i] : most;
    }
    printf("{\"kind\": \"%s\", \"endpoints\": %u, \"sent\": %" PRIu64 ", \"good\": %" PRIu64
           ", \"bad\": %" PRIu64 ", \"silent\": %u, \"most\": %u, \"flooded\": %" PRIu64
           ", \"spoofed_replies\": %" PRIu64 ", \"missed\": %" PRIu64 ", \"took\": %.3f}\n",
           path->kind->name, path->n_endpoints, seen.sent, seen.good, seen.bad, silent, most,
           seen.flooded, path->n_spoofed_replies, path_missed(path), took);
    fflush(stdout);
    path_close(path);
    return 0;
}
