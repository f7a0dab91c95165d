// The table of options: options.c parses the command line with it, --help prints it. Only for
// options.c and options_table.c.
#pragma once

#include "perf/plan.h"

#include <stddef.h>

enum option_kind {
    HEADING, // of a group of options in --help
    FLAG,    // bool
    RATE,    // double, above 0
    SPAN,    // uint64_t ns, above 0
    SHARE,   // double
    WEIGHT,  // double, 0 and above
    COUNT,   // uint32_t, low to high
    PORT,    // uint16_t
    TEXT,    // const char *
    PREFIX,  // struct path_prefix
    MAC,     // plan.mac
    TAGS,    // plan.tag
    ONE_IN,  // uint32_t: 1/N
    JAR,     // int: 0 to 7, or auto
    STEPS,   // struct steps: FROM:TO:xF or FROM:TO:+N
    RAMP,    // struct steps: FROM:TO
    OUTPUT,  // struct output
    HELP,
};

struct option_row {
    const char *name;
    const char *argument;
    const char *help;
    size_t at;         // in struct plan
    double low, high;  // of a COUNT
    unsigned commands; // a bit each
    enum option_kind kind;
};

// Ends with a row that has no name.
extern const struct option_row option_rows[];

static inline bool option_is_of(const struct option_row *row, enum command command)
{
    return (row->commands >> command & 1) != 0;
}

// Prints the help of a command to stdout.
void options_print_help(enum command command);
