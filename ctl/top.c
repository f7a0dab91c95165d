// noonmarkctl top: asks once a second, and shows what has changed.
#include "ctl/client.h"
#include "ctl/every.h"
#include "ctl/top_rates.h"
#include "ctl/top_screen.h"
#include "ctl/top_terminal.h"

#include <stdlib.h>
#include <time.h>

enum {
    ONCE_COLUMNS = 200,
    TIMEOUT_S = 2, // a key waits for it
};

static const double interval_s = 1;

static void forget(struct top_sample *sample)
{
    json_decref(sample->status);
    json_decref(sample->clock);
    *sample = (struct top_sample){0};
}

// False, and client_fault says why: the server does not answer.
static bool ask(const struct call *call, struct top_sample *sample)
{
    static const struct request status = {"status", TIMEOUT_S, client_otherwise};
    static const struct request clock = {"clock", TIMEOUT_S, client_otherwise};
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    *sample = (struct top_sample){.at_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9};
    sample->status = client_try(call, &status);
    sample->clock = sample->status != NULL ? client_try(call, &clock) : NULL;
    if (sample->clock == NULL)
        forget(sample);
    return sample->clock != NULL;
}

static int fail(void)
{
    fprintf(stderr, "noonmarkctl: %s\n", client_fault());
    return EXIT_FAILURE;
}

static int show_once(const struct call *call)
{
    const struct timespec interval = {.tv_sec = (time_t)interval_s};
    const struct top_size size = {.columns = ONCE_COLUMNS};
    struct top_sample before, now;
    if (!ask(call, &before))
        return fail();
    nanosleep(&interval, NULL);
    const bool answered = ask(call, &now);
    json_t *view = answered ? top_rates(&before, &now) : NULL;
    if (view != NULL && call->json)
        client_print(view);
    else if (view != NULL)
        top_draw(view, NULL, &size, "", "\n", stdout);
    json_decref(view);
    forget(&before);
    if (!answered)
        return fail();
    forget(&now);
    return EXIT_SUCCESS;
}

// From the upper left on, each line cleared to its end, and the rest of the screen at last. The
// last line has no line feed, which would scroll.
static void draw(const json_t *view, const char *fault)
{
    const struct top_size whole = top_terminal_size();
    const struct top_size size = {.columns = whole.columns, .rows = whole.rows - 1};
    fputs("\033[H", stdout);
    top_draw(view, fault, &size, "", "\033[K\n", stdout);
    fputs("\033[J\033[7m q ends \033[0m", stdout);
    fflush(stdout);
}

// Asks until the terminal's user has seen enough. While the server does not answer the last view
// stays, with the reason above it.
static void watch(const struct call *call, struct top_sample *before)
{
    json_t *view = top_rates(before, before);
    const char *fault = NULL;
    double next_s = before->at_s + interval_s;
    for (;;) {
        struct timespec now;
        draw(view, fault);
        clock_gettime(CLOCK_MONOTONIC, &now);
        const enum top_event event =
            top_terminal_wait(next_s - ((double)now.tv_sec + (double)now.tv_nsec / 1e9));
        if (event == TOP_END)
            break;
        if (event == TOP_RESIZE)
            continue;
        struct top_sample sample;
        const bool answered = ask(call, &sample);
        fault = answered ? NULL : client_fault();
        clock_gettime(CLOCK_MONOTONIC, &now);
        next_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9 + interval_s;
        if (!answered)
            continue;
        json_decref(view);
        view = top_rates(before, &sample);
        forget(before);
        *before = sample;
    }
    json_decref(view);
}

static int run(const struct call *call)
{
    struct top_sample before;
    if (call->once || call->json)
        return show_once(call);
    if (!top_terminal_open()) {
        fputs("noonmarkctl: top: standard input and output are no terminal; use 'noonmarkctl top "
              "--once' or 'noonmarkctl status --json'\n",
              stderr);
        return EXIT_FAILURE;
    }
    const bool answered = ask(call, &before);
    if (answered)
        watch(call, &before);
    top_terminal_close();
    if (!answered)
        return fail();
    forget(&before);
    return EXIT_SUCCESS;
}

const struct command command_top = {
    .name = "top",
    .words = "",
    .help = "a live view: requests, drops, cores, departures, clock, NTS-KE",
    .run = run,
    .options = "once",
};
