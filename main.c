// noonmarkd: the command line, and the choice of this process's role. The supervisor starts its
// children from this same binary, with their role as argv[0]; all but metrics (metrics/main.c).
#include "base/log.h"
#include "config/config.h"
#include "control/control.h"
#include "control/ke/ke_process.h"
#include "crypto/exchange.h"
#include "dataplane/dataplane.h"
#include "link/child.h"
#include "link/handover.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

static const char help[] =
    "usage: noonmarkd [-c FILE] [--check-config | --syntax | --show-config]\n"
    "       noonmarkd --version | --help\n"
    "\n"
    "Serves NTP and NTS (RFC 8915) over DPDK ports. Needs root.\n"
    "\n"
    "  -c FILE         the configuration; default " CONFIG_DEFAULT_PATH "\n"
    "  --check-config  checks the configuration and what it names (users, files, CPUs, ...)\n"
    "  --syntax        checks the text of the configuration alone\n"
    "  --show-config   prints what is in force, defaults included\n"
    "  --version       names the build, the libraries and the crypto variant that this CPU gets\n";

static const struct child_role roles[] = {
    {ROLE_CONTROL, "noonmarkd:ctl", control_main, {HANDOVER_BOARD_CONTROL}},
    {ROLE_KE, "noonmarkd:ke", ke_process_main, {HANDOVER_BOARD_CONTROL, HANDOVER_BOARD_KE}},
    {ROLE_DATAPLANE,
     "noonmarkd:data",
     dataplane_main,
     {HANDOVER_BOARD_CONTROL, HANDOVER_BOARD_DATAPLANE}},
    {ROLE_RELOAD, "noonmarkd:load", supervisor_reader, {0}},
};

static int print_version(void)
{
    struct exchange_kernels kernels;
    bool runs = exchange_kernels_named("auto", &kernels);

    printf("noonmarkd " NOONMARK_VERSION "\n"
           "libraries  %s, %s\n"
           "crypto     %s on this CPU\n"
           "compiler   " __VERSION__ "\n",
           dataplane_dpdk_version(), ke_process_openssl_version(),
           runs ? kernels.of[0]->name : "none");
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int usage(const char *what, const char *which)
{
    fprintf(stderr, "noonmarkd: %s%s; noonmarkd --help lists the options\n", what, which);
    return EXIT_USAGE;
}

// The configuration is read again at each reload, whatever the working directory is then. Symbolic
// links stay in the path, so that their current target is read. False: there is no such path.
static bool make_absolute(const char *path, char out[PATH_MAX])
{
    size_t len = 0;

    if (path[0] != '/') {
        if (getcwd(out, PATH_MAX) == NULL)
            return false;
        len = strlen(out);
    }
    const int more = snprintf(out + len, PATH_MAX - len, "%s%s", len > 0 ? "/" : "", path);
    return more >= 0 && (size_t)more < PATH_MAX - len;
}

static int serve(struct config *config, const char *path)
{
    char absolute[PATH_MAX];

    if (geteuid() != 0) {
        log_error("must be started as root, to open ports and to become the users of its "
                  "children: sudo noonmarkd -c %s",
                  path);
        return EXIT_FAILURE;
    }
    if (!make_absolute(path, absolute)) {
        log_error(
            "%s: the absolute path cannot be found: %s; start noonmarkd with an absolute path",
            path, strerror(errno));
        return EXIT_FAILURE;
    }
    return supervisor_run(config, absolute);
}

// All faults, not the first alone. The exit status.
static int check(const struct config *config, const char *path)
{
    struct exchange_kernels kernels;
    bool good = true;

    if (!exchange_kernels_named(config->dataplane.crypto, &kernels)) {
        log_error("this CPU cannot run '%s' (dataplane.crypto); 'auto' takes the fastest that it "
                  "can",
                  config->dataplane.crypto);
        good = false;
    }
    good &= supervisor_check(config, ke_process_check);
    if (!good)
        return EXIT_FAILURE;
    printf("%s: is valid\n", path);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

enum action { SERVE, CHECK, SYNTAX, SHOW };

static int act(enum action action, const char *path)
{
    struct config *config;
    struct config_error error;
    int status = EXIT_SUCCESS;

    if (config_load(path, &config, &error) != 0) {
        log_error("%s", error.text);
        config_log_others(&error);
        return EXIT_FAILURE;
    }
    switch (action) {
    case CHECK:
        status = check(config, path);
        break;
    case SYNTAX:
        printf("%s: is valid\n", path);
        break;
    case SHOW:
        status = config_print(config, stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        break;
    case SERVE:
        status = serve(config, path);
        break;
    }
    config_free(config);
    return status;
}

int main(int argc, char **argv)
{
    enum { OPTION_CHECK = 256, OPTION_SYNTAX, OPTION_SHOW, OPTION_VERSION, OPTION_HELP };
    static const struct option options[] = {
        {"check-config", no_argument, NULL, OPTION_CHECK},
        {"syntax", no_argument, NULL, OPTION_SYNTAX},
        {"show-config", no_argument, NULL, OPTION_SHOW},
        {"version", no_argument, NULL, OPTION_VERSION},
        {"help", no_argument, NULL, OPTION_HELP},
        {0},
    };
    const char *path = CONFIG_DEFAULT_PATH;
    enum action action = SERVE;
    int option;

    for (size_t i = 0; argc > 0 && i < sizeof roles / sizeof roles[0]; i++)
        if (strcmp(argv[0], roles[i].name) == 0)
            return child_run(&roles[i]);
    log_open("noonmarkd");

    opterr = 0;
    while ((option = getopt_long(argc, argv, ":c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case OPTION_CHECK:
            action = CHECK;
            break;
        case OPTION_SYNTAX:
            action = SYNTAX;
            break;
        case OPTION_SHOW:
            action = SHOW;
            break;
        case OPTION_VERSION:
            return print_version();
        case 'h':
        case OPTION_HELP:
            fputs(help, stdout);
            return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        case ':':
            return usage("a value is missing after ", argv[optind - 1]);
        default:
            return usage("unknown option ", argv[optind - 1]);
        }
    }
    if (optind < argc)
        return usage("unexpected argument ", argv[optind]);
    return act(action, path);
}
