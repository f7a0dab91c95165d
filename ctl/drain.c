// `noonmarkctl drain`: a planned stop behind an anycast address. The server's hook withdraws the
// route, the server serves on while requests still come, and is stopped once hardly any does.
#include "ctl/client.h"
#include "ctl/every.h"
#include "ctl/timeout.h"

#include <inttypes.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    EXIT_USAGE = 2,
    END_MS = 15000, // the supervisor gives its children 5 s, and 5 s more
    CALM_S = 3,     // so many seconds in a row must be calm
    CALM_SHARE = 100,
};

struct drain {
    const struct call *call;
    int server;       // pidfd of the supervisor
    uint64_t replies; // at the last look
    uint64_t at_ns;
    bool looked;
    double before; // replies a second, before the hook was run
    double rate;   // now
    unsigned waited_s, timeout_s;
    bool timed_out;
};

static int complain(const char *why)
{
    fprintf(stderr, "noonmarkctl: %s\n", why);
    return EXIT_FAILURE;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t replies_of(const json_t *status)
{
    const json_t *counters = json_object_get(status, "counters");
    return (uint64_t)(json_integer_value(json_object_get(counters, "answered_plain")) +
                      json_integer_value(json_object_get(counters, "answered_nts")) +
                      json_integer_value(json_object_get(counters, "answered_nak")));
}

// A host that serves NTS-KE alone is calm once no more connections come.
static uint64_t served_of(const json_t *status)
{
    const char *role = json_string_value(json_object_get(status, "role"));
    if (role != NULL && strcmp(role, "ke") == 0)
        return (uint64_t)json_integer_value(
            json_object_get(json_object_get(status, "ke"), "accepted"));
    return replies_of(status);
}

// Looks how many replies were sent since the last look. False: the server did not answer.
static bool look(struct drain *d)
{
    static const struct request request = {"status", CLIENT_TIMEOUT_S, client_otherwise};
    json_t *status = client_try(d->call, &request);
    if (status == NULL)
        return false;
    const uint64_t now = now_ns(), replies = served_of(status);
    json_decref(status);
    if (d->looked && replies >= d->replies && now > d->at_ns)
        d->rate = (double)(replies - d->replies) * 1e9 / (double)(now - d->at_ns);
    d->replies = replies;
    d->at_ns = now;
    d->looked = true;
    return true;
}

static void pause_s(void)
{
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
}

// Sends one of the requests. False, with a message, also when the server refuses.
static bool ask(const struct drain *d, const char *line, bool *has_hook)
{
    const struct request request = {line, CLIENT_TIMEOUT_S, client_otherwise};
    json_t *answer = client_ask(d->call, &request);
    const char *refused = json_string_value(json_object_get(answer, "refused"));

    if (refused != NULL)
        complain(refused);
    *has_hook = json_is_string(json_object_get(answer, "hook"));
    const bool good = answer != NULL && refused == NULL;
    json_decref(answer);
    return good;
}

static int cancel(const struct drain *d)
{
    bool has_hook;
    if (!ask(d, "drain cancel", &has_hook))
        return EXIT_FAILURE;
    if (d->call->json)
        puts("{\"draining\": false}");
    else
        puts("no more draining: the hook is told the clock's health again");
    return EXIT_SUCCESS;
}

// Waits until hardly any request comes, or for the timeout.
static void await_calm(struct drain *d)
{
    unsigned calm = 0;

    while (calm < CALM_S && d->waited_s < d->timeout_s) {
        pause_s();
        d->waited_s++;
        if (!look(d)) {
            fprintf(stderr, "noonmarkctl: %s; waiting on\n", client_fault());
            continue;
        }
        calm = d->rate * CALM_SHARE < d->before || d->rate <= 0 ? calm + 1 : 0;
        if (d->call->json)
            continue;
        printf("%4u s: %.0f replies/s, before %.0f\n", d->waited_s, d->rate, d->before);
        fflush(stdout);
    }
    d->timed_out = calm < CALM_S;
}

static int stop(struct drain *d, bool has_hook)
{
    bool again;
    if (!ask(d, "drain stop", &again))
        return EXIT_FAILURE;
    struct pollfd end = {.fd = d->server, .events = POLLIN};
    const bool ended = poll(&end, 1, END_MS) == 1;
    if (d->call->json)
        printf("{\"ended\": %s, \"timed_out\": %s, \"waited_s\": %u, \"before_per_s\": %.1f, "
               "\"left_per_s\": %.1f, \"hook\": %s}\n",
               ended ? "true" : "false", d->timed_out ? "true" : "false", d->waited_s, d->before,
               d->rate, has_hook ? "true" : "false");
    else if (ended)
        printf("the server has ended%s\n",
               d->timed_out ? ", at the timeout: requests still came" : "");
    if (ended)
        return EXIT_SUCCESS;
    return complain("the server has not ended after 15 s; see its log");
}

static int drain(struct drain *d)
{
    bool has_hook;

    if (!look(d))
        return complain(client_fault());
    d->server = (int)syscall(SYS_pidfd_open, client_server(), 0);
    if (d->server < 0)
        return complain("the server's process cannot be watched: run it in the server's PID "
                        "namespace");
    pause_s();
    if (!look(d))
        return complain(client_fault());
    d->before = d->rate;
    if (!ask(d, "drain", &has_hook))
        return EXIT_FAILURE;
    if (!has_hook)
        fputs("noonmarkctl: the server has no time.hook: withdraw the route yourself now, or its "
              "clients lose it at the stop\n",
              stderr);
    await_calm(d);
    return stop(d, has_hook);
}

static int run(const struct call *call)
{
    struct drain d = {.call = call, .server = -1, .timeout_s = TIMEOUT_DEFAULT_S};

    if (call->timeout != NULL && !timeout_read(call->timeout, &d.timeout_s)) {
        fprintf(stderr, "noonmarkctl: --timeout %s: write it as 90s, 5m or 1h, up to 24h\n",
                call->timeout);
        return EXIT_USAGE;
    }
    const int result = call->cancel ? cancel(&d) : drain(&d);
    if (d.server >= 0)
        close(d.server);
    return result;
}

const struct command command_drain = {
    .name = "drain",
    .words = "",
    .help = "has the hook withdraw the route, waits until requests cease, stops",
    .run = run,
    .options = "timeout cancel",
};
