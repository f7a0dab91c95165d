// ntsprobe: an NTS client for tests. It sends what a test specifies, also invalid requests, and
// prints the replies as JSON. Shares no code with the server: OpenSSL's TLS, Nettle's AES-SIV,
// kernel sockets.
#include "tests/client/commands.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: ntsprobe COMMAND [OPTION]...\n"
    "  ke    one NTS-KE exchange\n"
    "  ntp   sends datagrams given in hex and prints the replies\n"
    "  nts   NTS-KE, then NTS requests of a given shape; checks the replies\n"
    "  load  many clients at a steady rate, every reply verified\n"
    "All with NTS-KE: --address NUMERIC --port 4460 --name NAME --ca FILE\n"
    "The options of each stand at the top of tests/client/command_COMMAND.c.\n";

void common_option(int option, const char *value, struct ke_plan *plan)
{
    switch (option) {
    case OPTION_ADDRESS:
        plan->address = value;
        break;
    case OPTION_PORT:
        plan->port = (uint16_t)atoi(value);
        break;
    case OPTION_NAME:
        plan->name = value;
        break;
    case OPTION_CA:
        plan->ca = value;
        break;
    default:
        break;
    }
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } command[] = {
        {"ke", command_ke},
        {"ntp", command_ntp},
        {"nts", command_nts},
        {"load", command_load},
    };
    for (size_t i = 0; argc > 1 && i < sizeof command / sizeof command[0]; i++)
        if (strcmp(argv[1], command[i].name) == 0)
            return command[i].run(argc - 1, argv + 1);
    fputs(usage, stderr);
    return 2;
}
