// ntsperf: loads an NTP or NTS server and checks every reply. The commands and their signals.
#include "base/log.h"
#include "perf/check/check.h"
#include "perf/nearest.h"
#include "perf/progress.h"
#include "perf/report/report.h"
#include "perf/run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { EXIT_USAGE = 2 };

static const char help[] =
    "usage: ntsperf nts|ntp|mix|ke [OPTIONS] SERVER\n"
    "       ntsperf check [OPTIONS] HOST[:PORT]\n"
    "       ntsperf report RUN.json... [-o FILE]\n"
    "       ntsperf --version | --help\n"
    "\n"
    "Loads an NTP or NTS server (RFC 8915) at a given rate and checks every reply.\n"
    "\n"
    "  nts     NTS requests; each client has its own session and uses each cookie once\n"
    "  ntp     plain NTP requests, basic or interleaved\n"
    "  mix     both, beside forged, malformed, replayed and spoofed requests\n"
    "  ke      NTS-KE sessions: handshakes per second, time to the first cookie\n"
    "  check   the health of one server, in a few requests; for monitoring\n"
    "  report  makes one HTML page from results that --json=FILE wrote\n"
    "\n"
    "ntsperf COMMAND --help lists the options of a command; ntsperf(1) has the details.\n";

static void stop(int number)
{
    (void)number;
    run_must_stop = true;
}

// Session keys must not get into a core dump.
static void forbid_cores(void)
{
    static const struct rlimit none;
    setrlimit(RLIMIT_CORE, &none);
}

static void catch_signals(void)
{
    // A second Ctrl-C ends the program at once.
    struct sigaction action = {.sa_handler = stop, .sa_flags = SA_RESETHAND | SA_RESTART};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int run(enum command command, int argc, char **argv)
{
    struct plan plan;
    int status = options_read(&plan, command, argc, argv);
    if (status != OPTIONS_GO)
        return status;
    plan.argc = argc;
    plan.argv = argv;
    log_open("ntsperf");
    log_set_level("warning");
    progress_open(plan.quiet);
    catch_signals();
    forbid_cores();
    return command == COMMAND_KE ? run_ke(&plan) : run_load(&plan);
}

// Names the commands, and the one that a mistyped word was meant to be.
static int complain(const char *word)
{
    static const char *const names[] = {"nts", "ntp", "mix", "ke", "check", "report"};
    const char *near = nearest_of(word, names, sizeof names / sizeof *names);
    if (*word == '\0')
        fputs("ntsperf: a command is missing; ", stderr);
    else if (near)
        fprintf(stderr, "ntsperf: %s: there is no such command (did you mean %s?); ", word, near);
    else
        fprintf(stderr, "ntsperf: %s: there is no such command; ", word);
    fputs("the commands are nts, ntp, mix, ke, check and report; ntsperf --help describes them\n",
          stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    for (unsigned command = 0; command < COMMANDS; command++)
        if (strcmp(word, command_names[command]) == 0)
            return run(command, argc - 1, argv + 1);
    if (strcmp(word, "check") == 0)
        return command_check(argc - 1, argv + 1);
    if (strcmp(word, "report") == 0)
        return command_report(argc - 1, argv + 1);
    if (strcmp(word, "--version") == 0) {
        puts("ntsperf " NOONMARK_VERSION);
        return EXIT_SUCCESS;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        fputs(help, stdout);
        return EXIT_SUCCESS;
    }
    return complain(word);
}
