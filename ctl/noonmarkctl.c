// noonmarkctl: sends a request to a running noonmarkd over its control socket and prints the
// answer. This file reads the command line; command.h has the commands.

#include "config/config.h"
#include "ctl/command.h"
#include "ctl/keys_document.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EXIT_USAGE = 2,
    HELP_COLUMN = 20,
};

static void print_command(const struct command *command)
{
    char left[64];
    const bool words = *command->words != '\0';
    snprintf(left, sizeof left, "%s%s%s%s", command->name, words ? " [" : "", command->words,
             words ? "]" : "");
    for (char *at = left + strlen(command->name) + 2; words && *at != '\0'; at++)
        if (*at == ' ')
            *at = '|';
    printf("  %-*s %s\n", HELP_COLUMN, left, command->help);
}

static void print_help(void)
{
    fputs("noonmarkctl: shows what a running noonmarkd does, or tells it what to do\n"
          "\n"
          "usage: noonmarkctl [-s SOCKET] [--json] COMMAND\n"
          "\n",
          stdout);
    for (size_t i = 0; i < commands_n; i++)
        print_command(commands[i]);
    fputs(
        "\n"
        "  -s, --socket SOCKET  the server's control.socket (default " COMMAND_SOCKET ")\n"
        "      --json           one JSON object, whose names are stable: noonmarkctl(1)\n"
        "      --once           top: one view, after a second, for tests and logs\n"
        "  -c, --config FILE    doctor: the configuration (default " CONFIG_DEFAULT_PATH ")\n"
        "      --timeout TIME   drain: stops the server then at the latest, as 90s (default 60s)\n"
        "      --cancel         drain: takes an earlier one back\n"
        "      --id ID          keys revoke: one key, not all\n"
        "      --yes            keys revoke: does not ask first\n"
        "      --seal           keys import: the key seals here, too\n"
        "      --force          keys export: replaces the file\n"
        "      --version        prints the version\n"
        "      --help           prints this\n"
        "\n"
        "keys check, keys derive and keys sum work on the document of a fleet, and need no "
        "server:\n"
        "see noonmarkctl(1)\n"
        "\n"
        "exit status: 0 success, 1 no answer, a refusal, or a fault that doctor has found, 2 "
        "usage\n",
        stdout);
}

// Says which commands there are.
static int unknown(const char *name)
{
    const struct command *nearest = name != NULL ? command_nearest(name) : NULL;
    if (name == NULL)
        fputs("noonmarkctl: a command is missing; this version has:", stderr);
    else if (nearest != NULL)
        fprintf(stderr,
                "noonmarkctl: %s: not a command of this version; did you mean %s? It has:", name,
                nearest->name);
    else
        fprintf(stderr, "noonmarkctl: %s: not a command of this version, which has:", name);
    for (size_t i = 0; i < commands_n; i++)
        fprintf(stderr, "%s %s", i == 0 ? "" : ",", commands[i]->name);
    fputc('\n', stderr);
    return EXIT_USAGE;
}

static int unknown_word(const struct command *command, const char *word)
{
    if (*command->words == '\0')
        fprintf(stderr, "noonmarkctl: %s: %s takes nothing more; leave it out\n", word,
                command->name);
    else
        fprintf(stderr, "noonmarkctl: %s: not known to %s, which takes: %s\n", word, command->name,
                command->words);
    return EXIT_USAGE;
}

// False, with a message, when an option was given that the command does not take.
static bool may_have(const struct command *command, bool given, const char *option)
{
    if (!given || command_lists(command->options, option))
        return true;
    fprintf(stderr, "noonmarkctl: --%s: not an option of %s; leave it out\n", option,
            command->name);
    return false;
}

// The words that are no options.
static int run(struct call *call, char **words, int n)
{
    const struct command *command = n > 0 ? command_named(words[0]) : NULL;
    if (command == NULL)
        return unknown(n > 0 ? words[0] : NULL);
    if (n > 1 && !command_lists(command->words, words[1]))
        return unknown_word(command, words[1]);
    const bool with_file = n > 1 && command_lists(command->with_file, words[1]);
    if (with_file && n == 2) {
        fprintf(stderr, "noonmarkctl: %s %s: name a file behind it\n", words[0], words[1]);
        return EXIT_USAGE;
    }
    const int most = with_file ? 3 : 2;
    if (n > most) {
        fprintf(stderr, "noonmarkctl: %s: a word too many; leave it out\n", words[most]);
        return EXIT_USAGE;
    }
    if (!may_have(command, call->once, "once") || !may_have(command, call->cancel, "cancel") ||
        !may_have(command, call->config != NULL, "config") ||
        !may_have(command, call->timeout != NULL, "timeout") ||
        !may_have(command, call->id != NULL, "id") || !may_have(command, call->yes, "yes") ||
        !may_have(command, call->seal, "seal") || !may_have(command, call->force, "force"))
        return EXIT_USAGE;
    call->word = n > 1 ? words[1] : NULL;
    call->file = with_file ? words[2] : NULL;
    return command->run(call);
}

int main(int argc, char **argv)
{
    enum {
        OPTION_JSON = 256,
        OPTION_ONCE,
        OPTION_TIMEOUT,
        OPTION_CANCEL,
        OPTION_ID,
        OPTION_YES,
        OPTION_SEAL,
        OPTION_FORCE,
        OPTION_VERSION,
        OPTION_HELP,
    };
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'},
        {"config", required_argument, NULL, 'c'},
        {"timeout", required_argument, NULL, OPTION_TIMEOUT},
        {"cancel", no_argument, NULL, OPTION_CANCEL},
        {"id", required_argument, NULL, OPTION_ID},
        {"yes", no_argument, NULL, OPTION_YES},
        {"seal", no_argument, NULL, OPTION_SEAL},
        {"force", no_argument, NULL, OPTION_FORCE},
        {"json", no_argument, NULL, OPTION_JSON},
        {"once", no_argument, NULL, OPTION_ONCE},
        {"version", no_argument, NULL, OPTION_VERSION},
        {"help", no_argument, NULL, OPTION_HELP},
        {0},
    };
    struct call call = {.socket = COMMAND_SOCKET};
    int option;
    const int status = keys_document_run(argc, argv);
    if (status >= 0)
        return status;
    while ((option = getopt_long(argc, argv, "c:s:", options, NULL)) != -1) {
        switch (option) {
        case 's':
            call.socket = optarg;
            break;
        case 'c':
            call.config = optarg;
            break;
        case OPTION_TIMEOUT:
            call.timeout = optarg;
            break;
        case OPTION_CANCEL:
            call.cancel = true;
            break;
        case OPTION_ID:
            call.id = optarg;
            break;
        case OPTION_YES:
            call.yes = true;
            break;
        case OPTION_SEAL:
            call.seal = true;
            break;
        case OPTION_FORCE:
            call.force = true;
            break;
        case OPTION_JSON:
            call.json = true;
            break;
        case OPTION_ONCE:
            call.once = true;
            break;
        case OPTION_VERSION:
            puts("noonmarkctl " NOONMARK_VERSION);
            return EXIT_SUCCESS;
        case OPTION_HELP:
            print_help();
            return EXIT_SUCCESS;
        default:
            fputs("see noonmarkctl --help\n", stderr);
            return EXIT_USAGE;
        }
    }
    return run(&call, argv + optind, argc - optind);
}
