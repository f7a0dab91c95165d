// The commands of noonmarkctl, as one table: --help, the advice for an unknown command, the
// manual's test and the shells' completion are read from it or tested against it. Each command has
// a file of its own. Constant.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define COMMAND_SOCKET "/run/noonmark/control.sock" // unless the command line names one

// What the command line asks for.
struct call {
    const char *socket; // path of the server's control socket
    const char *word;   // behind the command's name, one of its words; NULL: none
    bool json;
    bool once;
    bool cancel;         // a drain
    const char *config;  // path of the server's configuration; NULL: the default
    const char *timeout; // of a drain, as it is written; NULL: the default
    const char *id;      // of the key that is revoked; NULL: all of them
    bool yes;            // nobody is asked first
    const char *file;    // behind the word; NULL: none
    bool seal;           // an imported key seals here, too
    bool force;          // an exported file takes the place of an older one
};

struct command {
    const char *name;
    const char *words; // of which one may follow the name, divided by spaces; "": none
    const char *help;  // half a line
    int (*run)(const struct call *call); // returns the exit status
    const char *options; // long options that not every command takes, divided by spaces; NULL: none
    const char *with_file; // the words behind which a file is named, divided by spaces; NULL: none
};

extern const struct command *const commands[];
extern const size_t commands_n;

// The command of that name, or NULL.
const struct command *command_named(const char *name);

// The command whose name is most like that one; NULL when none is like it.
const struct command *command_nearest(const char *name);

// Is it one of the words, which are divided by spaces? words may be NULL.
bool command_lists(const char *words, const char *word);
