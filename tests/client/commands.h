// The probe's subcommands. Each reads its own arguments (argv[0] is its name), prints JSON lines to
// stdout and returns the exit status: 0 success, 1 failure, 2 wrong usage.
#pragma once

#include "tests/client/ke.h"

#include <getopt.h>

int command_ke(int argc, char **argv);
int command_ntp(int argc, char **argv);
int command_nts(int argc, char **argv);
int command_load(int argc, char **argv);

// Options that all commands with NTS-KE share, for the end of their option tables and lists.
enum {
    OPTION_ADDRESS = 1000,
    OPTION_PORT,
    OPTION_NAME,
    OPTION_CA,
    OPTION_COMMON_END,
    OPTION_OWN = 2000, // the commands' own options start here
};

#define COMMON_OPTIONS                                                                             \
    {"address", required_argument, NULL, OPTION_ADDRESS},                                          \
        {"port", required_argument, NULL, OPTION_PORT},                                            \
        {"name", required_argument, NULL, OPTION_NAME},                                            \
    {                                                                                              \
        "ca", required_argument, NULL, OPTION_CA                                                   \
    }

// Takes one of them.
void common_option(int option, const char *value, struct ke_plan *plan);
