// noonmarkctl: sends a request to a running noonmarkd over its control socket and prints the
// answer. Knows the protocol of control/show/status.h and nothing else of the server.

#include "base/printable.h"
#include "ctl/clean.h"
#include "ctl/show.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/noonmark/control.sock"

enum {
    EXIT_USAGE = 2,
    STATUS_TIMEOUT_S = 5,
    RELOAD_TIMEOUT_S = 20, // the server itself gives the steps of a reload 15 s
};

// The commands. The name is also the word of the request.
static const struct command {
    const char *name;
    int timeout_s;
    void (*show)(const json_t *answer, FILE *out);
    const char *otherwise; // advice when the server does not answer
} commands[] = {
    {"status", STATUS_TIMEOUT_S, show_status, "control may be restarting; see the server's log"},
    {"clock", STATUS_TIMEOUT_S, show_clock, "control may be restarting; see the server's log"},
    {"reload", RELOAD_TIMEOUT_S, show_reload,
     "SIGHUP to the supervisor (kill -HUP, systemctl reload) does the same, and its log has the "
     "answer"},
};

static const char help[] =
    "noonmarkctl: shows what a running noonmarkd does, or makes it reload\n"
    "\n"
    "usage: noonmarkctl [-s SOCKET] [--json] status | clock | reload\n"
    "\n"
    "  status               counters, cookie keys and their ages, ports, clock, NTS-KE\n"
    "  clock                who says what of the clock, its health, how well times are known\n"
    "  reload               reads configuration and certificates again; prints what was applied\n"
    "\n"
    "  -s, --socket SOCKET  the server's control.socket (default " DEFAULT_SOCKET ")\n"
    "      --json           one JSON object, whose names are stable: noonmarkctl(1)\n"
    "      --version        prints the version\n"
    "      --help           prints this\n"
    "\n"
    "exit status: 0 success, 1 no answer or a reload that was refused, 2 usage\n";

static int connect_to(const char *path, const struct command *command)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        fprintf(
            stderr,
            "noonmarkctl: %s: is longer than a socket's path may be (%zu); name a shorter one\n",
            path, sizeof address.sun_path - 1);
        return -1;
    }
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        fprintf(stderr, "noonmarkctl: socket: %s\n", strerror(errno));
        return -1;
    }
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        const char *advice = errno == EACCES || errno == EPERM
                                 ? "run it as root, with sudo"
                                 : "is noonmarkd running, and is this its control.socket?";
        fprintf(stderr, "noonmarkctl: %s: %s; %s\n", path, strerror(errno), advice);
        close(fd);
        return -1;
    }
    struct timeval limit = {.tv_sec = command->timeout_s};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

// Sends the request line and reads the answer to its end, cleaned by clean_copy. NULL, with a
// message, when there is none.
static json_t *request(int fd, const struct command *command)
{
    char line[64];
    int len = snprintf(line, sizeof line, "%s\n", command->name);
    if (send(fd, line, (size_t)len, MSG_NOSIGNAL) != len) {
        fprintf(stderr, "noonmarkctl: the server closed the connection: %s\n", strerror(errno));
        return NULL;
    }
    json_error_t error;
    json_t *answer = json_loadfd(fd, JSON_DISABLE_EOF_CHECK, &error);
    printable(error.text, strlen(error.text)); // it quotes text that could not be parsed
    if (answer == NULL)
        fprintf(stderr, "noonmarkctl: no complete answer within %d s (%s); %s\n",
                command->timeout_s, error.text, command->otherwise);
    json_t *clean = answer != NULL ? clean_copy(answer) : NULL;
    if (answer != NULL && clean == NULL)
        fputs("noonmarkctl: out of memory\n", stderr);
    json_decref(answer);
    return clean;
}

static int run(const struct command *command, const char *socket_path, bool json)
{
    int fd = connect_to(socket_path, command);
    if (fd < 0)
        return EXIT_FAILURE;
    json_t *answer = request(fd, command);
    close(fd);
    if (answer == NULL)
        return EXIT_FAILURE;
    const char *error = json_string_value(json_object_get(answer, "error"));
    const char *refused = json_string_value(json_object_get(answer, "refused"));
    if (error != NULL)
        fprintf(stderr, "noonmarkctl: the server says: %s\n", error);
    else if (json)
        json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)), putchar('\n');
    else if (refused != NULL)
        fprintf(stderr, "noonmarkctl: refused, nothing has changed: %s\n", refused);
    else
        command->show(answer, stdout);
    json_decref(answer);
    return error == NULL && refused == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}

static const struct command *command_named(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

int main(int argc, char **argv)
{
    enum {
        OPTION_JSON = 256,
        OPTION_VERSION,
        OPTION_HELP,
    };
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'},
        {"json", no_argument, NULL, OPTION_JSON},
        {"version", no_argument, NULL, OPTION_VERSION},
        {"help", no_argument, NULL, OPTION_HELP},
        {0},
    };
    const char *path = DEFAULT_SOCKET;
    bool json = false;
    int option;
    while ((option = getopt_long(argc, argv, "s:", options, NULL)) != -1) {
        switch (option) {
        case 's':
            path = optarg;
            break;
        case OPTION_JSON:
            json = true;
            break;
        case OPTION_VERSION:
            puts("noonmarkctl " NOONMARK_VERSION);
            return EXIT_SUCCESS;
        case OPTION_HELP:
            fputs(help, stdout);
            return EXIT_SUCCESS;
        default:
            fputs("see noonmarkctl --help\n", stderr);
            return EXIT_USAGE;
        }
    }
    const struct command *command = argc - optind == 1 ? command_named(argv[optind]) : NULL;
    if (command == NULL) {
        if (argc - optind == 0)
            fputs("noonmarkctl: a command is missing; this version has: status, clock, reload\n",
                  stderr);
        else
            fprintf(stderr,
                    "noonmarkctl: %s: not a command of this version, which has: status, clock, "
                    "reload\n",
                    argv[optind]);
        return EXIT_USAGE;
    }
    return run(command, path, json);
}
